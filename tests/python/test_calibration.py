import copy
import dataclasses
import json
import math
import pickle

import numpy as np
import pytest

import pycifar
from pycifar.calibration import best_factor, threshold_for
from pycifar.cli import main
from pycifar.errors import ArgumentError, DataError, ModelFileError, UnknownNameError
from pycifar.models.calibration import Calibration, checked_calibration, tempered

FOUND = Calibration(2.0, 0.9, 0.25, "validation", 100, 0.1, 0.05)


@pytest.fixture(scope="module")
def dataset():
    return pycifar.load_dataset("synthetic", n_train=400, n_test=300)


@pytest.fixture(scope="module")
def model(dataset):
    return pycifar.train(dataset, epochs=2, validation=0.3, batch_size=50, seed=1, verbose=0)


@pytest.fixture(scope="module")
def calibrated(model, dataset):
    return pycifar.calibrate(model, dataset)


def overconfident(n, factor, seed=1):
    """Probabilities whose logits are `factor` times those that the labels were drawn from."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (n, 5))
    true = tempered(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), 1)
    labels = (random.random((n, 1)) > true.cumsum(axis=1)).sum(axis=1).clip(max=4)
    return tempered(true, factor).astype(np.float32), labels


@pytest.mark.parametrize("factor", [0.4, 1, 3])
def test_the_temperature_undoes_a_factor_of_the_logits(factor):
    probabilities, labels = overconfident(40_000, factor)
    assert 1 / best_factor(probabilities, labels) == pytest.approx(factor, rel=0.03)


def test_no_other_temperature_gives_a_lower_cross_entropy():
    probabilities, labels = overconfident(500, 2)
    best = best_factor(probabilities, labels)

    truth = np.full((500, 5), 1 / 502 / 4)
    truth[np.arange(500), labels] = 501 / 502

    def cross_entropy(factor):
        return -(truth * np.log(tempered(probabilities, factor))).sum(axis=1).mean()

    assert all(cross_entropy(best) <= cross_entropy(best * near) for near in (0.99, 0.999, 1.001))


@pytest.mark.parametrize("sure", [0.5, 0.9, 0.999])
def test_a_model_that_is_right_about_all_images_is_not_sure_of_the_next_one(sure):
    n = 50
    probabilities = np.full((n, 4), (1 - sure) / 3, np.float32)
    labels = np.arange(n) % 4
    probabilities[np.arange(n), labels] = sure
    shares = tempered(probabilities, best_factor(probabilities, labels))
    np.testing.assert_allclose(shares[np.arange(n), labels], 51 / 52, rtol=1e-6)


def test_a_probability_of_zero_for_the_truth_gives_a_finite_temperature():
    probabilities = np.array([[1, 0], [1, 0], [0.5, 0.5]], np.float32)
    assert math.isfinite(best_factor(probabilities, np.array([1, 0, 0])))


def test_the_threshold_is_the_quantile_of_split_conformal_prediction():
    of_truth = np.arange(1, 20) / 20  # 19 images: ceil(20 * 0.9) = 18 of them are to be covered
    threshold = threshold_for(of_truth, 0.9)
    assert (of_truth.astype(np.float32) >= np.float32(threshold)).sum() == 18


def test_the_rank_of_the_quantile_is_not_rounded_up_by_floating_point():
    of_truth = np.arange(1, 100) / 100  # (99 + 1) * 0.07 is 7.000000000000001
    assert (of_truth.astype(np.float32) >= np.float32(threshold_for(of_truth, 0.07))).sum() == 7


def test_a_coverage_is_shown_with_all_its_digits():
    shown = str(dataclasses.replace(FOUND, coverage=0.995))
    assert shown.startswith("temperature 2, prediction sets for 99.5%, ")


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_sets_have_the_stated_coverage_of_new_images(coverage):
    probabilities, labels = overconfident(20_000, 1)
    old, new = np.arange(1_000), np.arange(1_000, 20_000)
    covered = []
    for start in range(0, 1_000, 200):
        some = old[start : start + 200]
        threshold = threshold_for(probabilities[some, labels[some]], coverage)
        found = dataclasses.replace(FOUND, coverage=coverage, threshold=threshold)
        covered.append(found.sets(probabilities[new])[np.arange(len(new)), labels[new]].mean())
    assert coverage - 0.03 < np.mean(covered) < coverage + 0.04


def test_the_most_probable_class_is_always_in_the_set():
    sets = dataclasses.replace(FOUND, threshold=0.9).sets(np.array([[0.3, 0.4, 0.3]], np.float32))
    assert sets.tolist() == [[False, True, False]]


def test_probabilities_that_differ_in_the_last_digit_keep_their_order():
    raw = np.array([[0.49999997, 0.5], [0.5, 0.49999997], [0.5, 0.5]], np.float32)
    hot = dataclasses.replace(FOUND, temperature=20.0).probabilities(raw)
    assert (hot.dtype, hot.argmax(axis=1).tolist()) == (np.float32, [1, 0, 0])
    np.testing.assert_allclose(hot, 0.5, rtol=1e-6)


def test_calibrating_changes_no_class_and_no_weight(model, calibrated, dataset):
    assert calibrated.fingerprint() == model.fingerprint()
    before, after = (pycifar.predict(m, dataset, "prob") for m in (model, calibrated))
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()
    assert not np.allclose(before, after)
    np.testing.assert_allclose(after.sum(axis=1), 1, rtol=1e-6)
    assert (model.calibration, calibrated.calibration.n) == (None, 120)


def test_the_temperature_is_fitted_on_one_half_and_the_sets_on_the_other(model, dataset):
    held_out = model.split_of(dataset, "validation")
    raw = pycifar.predict(model, held_out, "prob")
    order = np.random.default_rng(1).permutation(120)
    found = pycifar.calibrate(model, dataset, coverage=0.8).calibration
    factor = best_factor(raw[order[:60]], held_out.labels[order[:60]])
    assert found.temperature == pytest.approx(1 / factor)
    rest = tempered(raw[order[60:]], factor)[np.arange(60), held_out.labels[order[60:]]]
    assert (rest >= found.threshold - 1e-7).sum() == math.ceil(61 * 0.8)


def test_views_are_averaged_before_the_temperature(model, calibrated, dataset):
    raw = pycifar.predict(model, dataset, "prob", tta=True)
    expected = calibrated.calibration.probabilities(raw)
    assert (pycifar.predict(calibrated, dataset, "prob", tta=True) == expected).all()
    assert pycifar.evaluate(calibrated, dataset, tta=True).loss == pytest.approx(
        -np.log(expected[np.arange(300), dataset.split("test").labels].astype(float)).mean()
    )


def test_evaluate_and_explain_use_the_temperature(calibrated, dataset):
    test = dataset.split("test")
    probabilities = pycifar.predict(calibrated, dataset, "prob")
    found = pycifar.evaluate(calibrated, dataset)
    of_truth = probabilities[np.arange(len(test)), test.labels].astype(float)
    assert found.loss == pytest.approx(-np.log(of_truth).mean())
    explained = pycifar.explain(calibrated, test.images[0])
    assert explained.probability == pytest.approx(probabilities[0].max(), rel=1e-5)


def test_the_bins_of_an_evaluation_give_its_calibration_error(model, dataset):
    found = pycifar.evaluate(model, dataset)
    bins = found.bins
    assert bins["n"].sum() == 300
    gaps = (bins["confidence"] - bins["accuracy"]).abs() * bins["n"]
    assert gaps.sum() / 300 == pytest.approx(found.calibration_error)


def test_predict_returns_sets(calibrated, dataset):
    sets = pycifar.predict(calibrated, dataset, "set")
    probabilities = pycifar.predict(calibrated, dataset, "prob")
    assert (sets.dtype, sets.shape) == (bool, (300, 10))
    assert (sets == calibrated.calibration.sets(probabilities)).all()
    assert pycifar.predict(calibrated, np.empty((0, 32, 32, 3), np.uint8), "set").shape == (0, 10)


def test_the_set_of_an_image_that_is_skipped_is_empty(calibrated, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"none")
    good = np.zeros((32, 32, 3), np.uint8)
    with pytest.warns(pycifar.errors.SkippedWarning):
        sets = pycifar.predict(calibrated, [good, tmp_path / "broken.png"], "set", on_error="skip")
    assert sets.any(axis=1).tolist() == [True, False]


def test_a_file_a_copy_and_a_pickle_keep_the_calibration(calibrated, tmp_path):
    path = pycifar.save_model(calibrated, tmp_path / "model.keras")
    for other in (
        pycifar.load_model(path),
        copy.deepcopy(calibrated),
        pickle.loads(pickle.dumps(calibrated)),
    ):
        assert other.calibration == calibrated.calibration
    assert "temperature" in repr(pycifar.inspect_model(path))
    assert "calibrated" in repr(calibrated)
    assert "calibration: temperature" in calibrated.summary()


def test_a_training_that_goes_on_has_no_calibration(calibrated, dataset):
    assert pycifar.train(dataset, calibrated, epochs=1, verbose=0).calibration is None


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 1e9},
        {"temperature": float("nan")},
        {"threshold": -1},
        {"coverage": "x"},
        {"split": 3},
        {"n": -1},
        {"more": 1},
    ],
)
def test_a_calibration_of_a_stranger_is_checked(change):
    with pytest.raises((ValueError, ArgumentError)):
        checked_calibration(FOUND.to_dict() | change)
    assert checked_calibration(FOUND.to_dict()) == FOUND


def test_a_file_with_a_wrong_calibration_is_refused(calibrated, tmp_path):
    wrong = dataclasses.replace(calibrated, calibration=dataclasses.replace(FOUND, temperature=1e6))
    path = pycifar.save_model(wrong, tmp_path / "wrong.keras")
    with pytest.raises(ModelFileError, match="temperature"):
        pycifar.load_model(path)


def test_wrong_calls_say_what_is_allowed(model, dataset):
    with pytest.raises(ArgumentError, match="without calibration") as caught:
        pycifar.predict(model, dataset, "set")
    assert "calibrate()" in caught.value.fix
    with pytest.raises(UnknownNameError, match='class", "prob", "set'):
        pycifar.predict(model, dataset, "sets")
    with pytest.raises(DataError, match="learned from"):
        pycifar.calibrate(model, dataset, "train")
    with pytest.raises(DataError, match="120 images; a coverage of 0.99 needs at least 197"):
        pycifar.calibrate(model, dataset, coverage=0.99)
    for coverage in (0, 1, 1.5, "x"):
        with pytest.raises(ArgumentError, match="coverage"):
            pycifar.calibrate(model, dataset, coverage=coverage)


def test_enough_images_are_as_many_as_the_error_says(model, dataset):
    part = dataset.split("test")
    for n, enough in ((18, True), (17, True), (16, False)):
        some = pycifar.load_dataset(
            {
                "train": (dataset.split("train").images[:9], dataset.split("train").labels[:9]),
                "test": (part.images[:n], part.labels[:n]),
            },
            class_names=dataset.class_names,
        )
        if enough:
            assert pycifar.calibrate(model, some, "test").calibration.n == n
            continue
        with pytest.raises(DataError, match="needs at least 17"):
            pycifar.calibrate(model, some, "test")


def test_the_command_calibrates_and_predicts_sets(model, tmp_path, capsys):
    source, output = tmp_path / "model.keras", tmp_path / "calibrated.keras"
    pycifar.save_model(model, source)
    data = ["--dataset", "synthetic", "--n-train", "400", "--n-test", "300"]
    assert main(["calibrate", str(source), *data, "--output", str(output)]) == 0
    assert "temperature" in capsys.readouterr().out
    found = pycifar.load_model(output).calibration
    photo = tmp_path / "photo.png"
    from PIL import Image

    Image.new("RGB", (40, 30), "red").save(photo)
    assert main(["predict", str(output), str(photo), "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    likely = [name for name, p in record["probabilities"].items() if p >= found.threshold]
    assert record["set"] == (likely or [record["class"]])
    assert main(["predict", str(output), str(photo)]) == 0
    assert capsys.readouterr().out.split("\t")[3].strip() == ",".join(record["set"])
    assert main(["calibrate", str(source), *data]) == 2
    assert "`--output` must be given" in capsys.readouterr().err
