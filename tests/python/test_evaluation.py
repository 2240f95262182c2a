import dataclasses
import io
import os

import numpy as np
import pandas
import pytest
from PIL import Image

import pycifar
from pycifar.errors import (
    ArgumentError,
    CheckpointError,
    DataError,
    DataFormatError,
    ImageError,
    SkippedWarning,
)
from pycifar.evaluation import measure

CLASSES = ("cat", "dog", "frog")


def test_every_measure_agrees_with_a_calculation_by_hand():
    probabilities = np.array(
        [[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3]], np.float32
    )
    result = measure(probabilities, np.array([0, 1, 1, 2]), CLASSES, "test")
    assert result.n == 4
    assert result.accuracy == 0.5
    assert result.loss == pytest.approx(-np.log([0.7, 0.3, 0.8, 0.3]).mean(), rel=1e-6)
    assert result.confusion.to_numpy().tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert result.confusion.index.tolist() == list(CLASSES)
    table = result.per_class.set_index("class")
    assert table["precision"].tolist() == [0.5, 0.5, 0.0]
    assert table["recall"].tolist() == [1.0, 0.5, 0.0]
    assert table["f1"].tolist() == pytest.approx([2 / 3, 0.5, 0.0])
    assert table["support"].tolist() == [1, 2, 1]


def test_the_calibration_error_is_the_gap_of_confidence_and_accuracy():
    certain = np.tile(np.array([[0.9, 0.1]], np.float32), (10, 1))
    labels = np.array([0] * 6 + [1] * 4)
    result = measure(certain, labels, ("a", "b"), "test")
    assert result.calibration_error == pytest.approx(0.9 - 0.6)
    both = np.array([[0.95, 0.05], [0.55, 0.45]], np.float32)
    result = measure(both, np.array([0, 1]), ("a", "b"), "test")
    assert result.calibration_error == pytest.approx((0.05 + 0.55) / 2)


def measured(class_names):
    """An evaluation in which each class has one image that is predicted right."""
    n = len(class_names)
    return measure(np.eye(n, dtype=np.float32), np.arange(n), tuple(class_names), "test")


def test_an_evaluation_shows_its_measures_and_a_row_a_class():
    found = measured(CLASSES)
    assert repr(found) == str(found)
    assert str(found).splitlines() == [
        "3 images of the split test: accuracy 1.0000, loss 0.0000, calibration error 0.0000",
        "",
        "class  precision  recall     f1  support",
        "  cat     1.0000  1.0000 1.0000        1",
        "  dog     1.0000  1.0000 1.0000        1",
        " frog     1.0000  1.0000 1.0000        1",
    ]


def test_an_evaluation_of_many_classes_is_shown_in_short():
    found = measured([f"class {i}" for i in range(1000)])
    for shown in (str(found), found._repr_html_()):
        assert "class 0" in shown
        assert "class 999" in shown
        assert "1000 rows" in shown
        assert len(shown) < 3000


def test_a_notebook_shows_a_class_name_as_it_is():
    shown = measured(["<script>", "b & c"])._repr_html_()
    assert shown.startswith("<p>2 images of the split test: accuracy 1.0000")
    assert "<td>&lt;script&gt;</td>" in shown
    assert "<td>b &amp; c</td>" in shown
    assert "<script>" not in shown


def test_a_probability_of_zero_gives_a_finite_loss():
    result = measure(np.array([[1.0, 0.0]], np.float32), np.array([1]), ("a", "b"), "test")
    assert np.isfinite(result.loss)


def test_predictions_have_one_row_an_image_in_order(small_model, small_dataset):
    images = small_dataset.split("test").images
    probabilities = pycifar.predict(small_model, images, "prob")
    labels = pycifar.predict(small_model, images)
    assert probabilities.shape == (100, 10)
    assert labels.shape == (100,)
    assert (labels == probabilities.argmax(axis=1)).all()
    assert (pycifar.predict(small_model, images[::-1]) == labels[::-1]).all()
    assert (pycifar.predict(small_model, small_dataset.split("test")) == labels).all()


def test_bytes_and_floats_of_the_same_images_are_predicted_alike(small_model, small_dataset):
    images = small_dataset.split("test").images[:20]
    from_bytes, from_floats = (
        pycifar.predict(small_model, given, "prob") for given in (images, images / 255)
    )
    assert (from_bytes == from_floats).all()


def test_one_image_alone_is_a_batch_of_one(small_model, small_dataset):
    assert pycifar.predict(small_model, small_dataset.split("test").images[0]).shape == (1,)


def test_image_files_of_any_size_are_resized(small_model, small_dataset, tmp_path):
    from PIL import Image

    pixels = np.ascontiguousarray(small_dataset.split("test").images[0])
    Image.fromarray(pixels).save(tmp_path / "same.png")
    Image.fromarray(pixels).resize((100, 70)).save(tmp_path / "larger.jpg")
    paths = [tmp_path / "same.png", str(tmp_path / "larger.jpg")]
    probabilities = pycifar.predict(small_model, paths, "prob")
    assert probabilities.shape == (2, 10)
    expected = pycifar.predict(small_model, pixels, "prob")[0]
    assert probabilities[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 28, 28, 3), np.uint8),
        np.zeros((2, 3072), np.uint8),
        np.zeros((0, 28, 28, 3), np.uint8),
        np.zeros(0),
        [np.zeros((2, 28, 28, 3), np.uint8)],
        np.full((28, 28, 3), 1.5),
        np.full((1, 32, 32, 3), 1.5),
        np.full((1, 32, 32, 3), np.nan),
        np.full((1, 32, 32, 3), 256),
        np.full((1, 32, 32, 3), "pixel"),
    ],
)
def test_images_that_do_not_fit_are_refused(small_model, images):
    with pytest.raises(ImageError):
        pycifar.predict(small_model, images)


def test_an_unknown_type_suggests_the_nearest(small_model, small_dataset):
    with pytest.raises(ArgumentError) as caught:
        pycifar.predict(small_model, small_dataset.split("test").images, "probs")
    assert caught.value.fix == 'Did you mean "prob"?'


def test_a_data_set_of_other_classes_is_refused(small_model):
    split = pycifar.Split(np.zeros((2, 32, 32, 3), np.uint8), np.array([0, 1]))
    other = pycifar.Dataset("pets", {"test": split}, ("cat", "dog"))
    with pytest.raises(DataError, match="it has cat, dog"):
        pycifar.evaluate(small_model, other)


def test_a_split_that_is_not_there_is_named(small_model, small_dataset):
    for use in (pycifar.evaluate, lambda *given: pycifar.predict(*given[:2], split=given[2])):
        with pytest.raises(DataError, match='no split "dev"; it has "train", "test"'):
            use(small_model, small_dataset, "dev")


def test_the_network_of_another_library_is_no_trained_model(small_dataset):
    with pytest.raises(ArgumentError, match="must be a trained model"):
        pycifar.evaluate(pycifar.build_model(), small_dataset)


def test_views_are_averaged_where_they_are_asked_for(small_model, small_dataset):
    images = small_dataset.split("test").images[:4]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    expected = np.zeros((4, 10))
    for share, start in ((0.5, 1), (0.25, 0), (0.25, 2)):
        moved = padded[:, start : start + 32, start : start + 32]
        for view in (moved, moved[:, :, ::-1]):
            expected += share / 2 * pycifar.predict(small_model, view, "prob")
    averaged = pycifar.predict(small_model, images, "prob", tta=True)
    assert averaged == pytest.approx(expected, abs=1e-6)
    assert averaged.dtype == np.float32
    assert not np.allclose(averaged, pycifar.predict(small_model, images, "prob"))
    found = pycifar.evaluate(small_model, small_dataset, tta=True)
    labels = pycifar.predict(small_model, small_dataset.split("test"), tta=True)
    assert found.accuracy == (labels == small_dataset.split("test").labels).mean()


@pytest.mark.parametrize("tta", [False, True])
@pytest.mark.parametrize(
    "images",
    [
        np.zeros((0, 32, 32, 3), np.uint8),
        np.zeros((0, 32, 32, 1)),
        [],
        np.array([], str),
        pandas.DataFrame({"path": ["a.png"]}).iloc[:0],
    ],
)
def test_no_images_have_no_predictions(small_model, images, tta):
    labels = pycifar.predict(small_model, images, tta=tta)
    assert (labels.shape, labels.dtype) == ((0,), np.int64)
    probabilities = pycifar.predict(small_model, images, "prob", tta)
    assert (probabilities.shape, probabilities.dtype) == ((0, 10), np.float32)


def test_grey_images_may_leave_the_last_dimension_out(small_model):
    grey = np.random.default_rng(1).integers(0, 256, (3, 32, 32), np.uint8)
    expected = pycifar.predict(small_model, grey[..., np.newaxis], "prob")
    assert np.array_equal(pycifar.predict(small_model, grey, "prob"), expected)
    assert np.array_equal(pycifar.predict(small_model, [*grey], "prob"), expected)
    one = pycifar.predict(small_model, grey[:1, ..., np.newaxis], "prob")
    assert np.array_equal(pycifar.predict(small_model, grey[0], "prob"), one)


def test_a_network_that_gives_nan_is_refused(small_model, small_dataset):
    from pycifar.backend import keras

    network = keras.models.clone_model(small_model.network)
    network.set_weights([weight * np.nan for weight in small_model.network.get_weights()])
    broken = dataclasses.replace(small_model, network=network)
    with pytest.raises(ArgumentError, match="of 100 images 100 got NaN"):
        pycifar.evaluate(broken, small_dataset)
    with pytest.raises(ArgumentError, match="of 2 images 2 got NaN"):
        pycifar.predict(broken, small_dataset.split("test").images[:2])
    with pytest.raises(ArgumentError, match="of 1 images 1 got NaN"):
        pycifar.explain(broken, small_dataset.split("test").images[0])


def test_the_loss_is_that_of_the_history_also_where_a_model_is_very_wrong(small_dataset):
    settings = {"epochs": 2, "batch_size": 20, "seed": 1, "verbose": 0, "precision": "float32"}
    settings |= {"validation": "test", "schedule": "constant", "learning_rate": 0.05}
    model = pycifar.train(small_dataset, "softmax", optimizer="sgd", **settings)
    told = model.final("validation", "loss")
    assert told > 16.2  # more than any loss of probabilities that are clipped at 1e-7
    assert pycifar.evaluate(model, small_dataset).loss == pytest.approx(told, rel=1e-3)


def test_paths_and_files_come_in_many_forms(small_model, small_dataset, tmp_path):
    pixels = small_dataset.split("test").images[:3]
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, image in zip(paths, pixels, strict=True):
        Image.fromarray(np.ascontiguousarray(image)).save(path)
    expected = pycifar.predict(small_model, pixels)
    texts = [str(path) for path in paths]
    files = [path.open("rb") for path in paths]
    forms = [
        paths,
        tuple(texts),
        np.array(texts),
        np.array(paths),
        pandas.Series(texts, index=[7, 8, 9]),
        pandas.DataFrame({"path": paths}),
        pandas.Series(paths),
        pandas.Series(texts, dtype="string"),
        (path for path in paths),
        sorted(os.scandir(tmp_path), key=lambda entry: entry.name),
        [path.read_bytes() for path in paths],
        [bytearray(paths[0].read_bytes()), memoryview(paths[1].read_bytes()), texts[2]],
        files,
        [io.BytesIO(path.read_bytes()) for path in paths],
        [Image.open(path) for path in paths],
        [texts[0], paths[1].read_bytes(), Image.open(paths[2])],
    ]
    for images in forms:
        assert (pycifar.predict(small_model, images) == expected).all()
    for one in (paths[0].read_bytes(), io.BytesIO(paths[0].read_bytes()), paths[0], texts[0]):
        assert pycifar.predict(small_model, one).tolist() == expected[:1].tolist()
    for file in files:
        file.seek(0)
        assert len(pycifar.predict(small_model, file)) == 1
        file.close()
    with pytest.raises(ImageError, match="must be an image; number 2 is a missing value"):
        pycifar.predict(small_model, pandas.Series([texts[0], float("nan")]))
    with pytest.raises(DataFormatError, match="A picture cannot be read as an image"):
        pycifar.predict(small_model, b"no image")
    with pytest.raises(ArgumentError, match="binary mode"), (tmp_path / "a.txt").open("w+") as text:
        pycifar.predict(small_model, text)


def test_a_split_of_a_data_set_is_chosen_by_name(small_model, small_dataset):
    for name in ("train", "test"):
        expected = pycifar.predict(small_model, small_dataset.split(name))
        assert (pycifar.predict(small_model, small_dataset, split=name) == expected).all()
    assert len(pycifar.predict(small_model, small_dataset)) == 100
    with pytest.raises(ArgumentError, match="`split` is for a data set alone"):
        pycifar.predict(small_model, small_dataset.split("test"), split="test")


def assert_held_out_as_in_the_history(model, dataset):
    found = pycifar.evaluate(model, dataset, "validation")
    assert found.split == "validation"
    assert found.n == len(model.split_of(dataset, "validation"))
    assert found.accuracy == pytest.approx(model.final("validation", "accuracy"), abs=1e-6)
    assert found.loss == pytest.approx(model.final("validation", "loss"), rel=1e-4)


def test_what_a_training_held_out_is_a_split(small_dataset, tmp_path):
    settings = {"epochs": 1, "validation": 0.15, "seed": 3, "verbose": 0}
    model = pycifar.train(small_dataset, "softmax", **settings)
    assert_held_out_as_in_the_history(model, small_dataset)
    loaded = pycifar.load_model(pycifar.save_model(model, tmp_path / "model.keras"))
    again = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
    assert_held_out_as_in_the_history(loaded, again)
    assert_held_out_as_in_the_history(pycifar.train(model, epochs=1, verbose=0), again)
    assert_held_out_as_in_the_history(pycifar.train(again, "mlp_sigmoid", **settings), again)
    labels = pycifar.predict(model, small_dataset, split="validation")
    part = model.split_of(small_dataset, "validation")
    assert (labels == pycifar.predict(model, part.images)).all()
    assert len(part) == 30


def test_what_was_held_out_stays_so_whichever_images_would_be_drawn_now(small_dataset, tmp_path):
    part = small_dataset.split("train")
    groups = tuple(str(number // 5) for number in range(len(part)))
    grouped = dataclasses.replace(part, groups=groups)
    with_groups = dataclasses.replace(
        small_dataset, splits=small_dataset.splits | {"train": grouped}
    )
    settings = {"epochs": 1, "validation": 0.15, "seed": 3, "verbose": 0}
    model = pycifar.train(with_groups, "softmax", **settings, checkpoint_dir=tmp_path)
    assert_held_out_as_in_the_history(model, small_dataset)  # which has no groups
    loaded = pycifar.load_model(pycifar.save_model(model, tmp_path / "model.keras"))
    assert np.array_equal(loaded.held_out, model.held_out)
    further = pycifar.train(small_dataset, loaded, epochs=1, verbose=0)
    assert np.array_equal(further.held_out, model.held_out)
    assert_held_out_as_in_the_history(further, with_groups)
    with pytest.raises(CheckpointError, match="the images it is validated on are others"):
        resumed = {"checkpoint_dir": tmp_path, "resume": True}
        pycifar.train(small_dataset, "softmax", **settings, **resumed)
    others = pycifar.load_dataset("synthetic", n_train=150, n_test=100)
    assert len(pycifar.train(others, loaded, epochs=1, verbose=0).held_out) == 150


def test_only_what_a_training_held_out_is_the_split_validation(small_dataset):
    def trained(validation):
        settings = {"epochs": 1, "seed": 1, "verbose": 0}
        return pycifar.train(small_dataset, "softmax", validation=validation, **settings)

    model = trained(0.1)
    for n in (199, 150):
        other = pycifar.load_dataset("synthetic", n_train=n, n_test=100)
        with pytest.raises(DataError, match="has other training images") as caught:
            pycifar.evaluate(model, other, "validation")
        assert "loaded in the same way" in caught.value.fix
    test = small_dataset.split("test")
    alone = dataclasses.replace(small_dataset, splits={"test": test})
    with pytest.raises(DataError, match="has other training images"):
        pycifar.evaluate(model, alone, "validation")
    with pytest.raises(DataError, match="held no images out: its `validation` was None") as caught:
        pycifar.evaluate(trained(None), small_dataset, "validation")
    assert caught.value.fix == 'Name one of its splits: "train", "test".'
    with pytest.raises(DataError, match='its `validation` was "test"') as caught:
        pycifar.evaluate(trained("test"), small_dataset, "validation")
    assert caught.value.fix == 'Name the split "test".'
    named = dataclasses.replace(small_dataset, splits={"test": test, "validation": test})
    assert pycifar.evaluate(model, named, "validation").n == 100


def test_single_images_and_lists_of_them_may_have_any_size(small_model, tmp_path):
    draws = np.random.default_rng(1)
    arrays = [
        draws.integers(0, 256, shape, np.uint8)
        for shape in ((40, 50, 3), (32, 32, 3), (20, 31), (64, 48, 4), (9, 9, 1), (99, 5, 2))
    ]
    paths = [tmp_path / f"{number}.png" for number in range(len(arrays))]
    for path, array in zip(paths, arrays, strict=True):
        Image.fromarray(array[..., 0] if array.shape[2:] == (1,) else array).save(path)
    expected = pycifar.predict(small_model, paths, "prob")
    assert (pycifar.predict(small_model, arrays, "prob") == expected).all()
    mixed = [arrays[0] / 255, paths[1], *arrays[2:]]
    assert (pycifar.predict(small_model, mixed, "prob") == expected).all()
    for array, path in zip(arrays, paths, strict=True):
        one = pycifar.predict(small_model, array, "prob")
        assert (one == pycifar.predict(small_model, path, "prob")).all()
    found = pycifar.explain(small_model, arrays[0])
    for file in (paths[0], paths[0].read_bytes()):
        assert (found.heatmap == pycifar.explain(small_model, file).heatmap).all()
    with pytest.raises(ImageError, match="32×32") as caught:
        pycifar.predict(small_model, np.zeros((2, 40, 40, 3), np.uint8))
    assert "each image of a list is resized" in caught.value.fix


def test_rows_of_an_image_are_no_grey_images(small_model, small_dataset):
    image = small_dataset.split("test").images[0]
    expected = pycifar.predict(small_model, image, "prob")
    for rows in (list(image), image.tolist()):
        assert (pycifar.predict(small_model, rows, "prob") == expected).all()


def test_an_image_that_cannot_be_read_is_skipped_if_asked_for(small_model, tmp_path):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    Image.new("RGB", (9, 9), "red").save(good)
    bad.write_bytes(b"no image")
    images = [bad, good, tmp_path / "missing[1].png", b"no image", np.full((9, 9), 2.0)]
    with pytest.raises(DataFormatError, match=r"bad\.png"):
        pycifar.predict(small_model, [good, bad])
    message = r"were skipped: 4 of 5 \(.*bad\.png, .*missing\[1\]\.png, image 4, image 5\)\.$"
    with pytest.warns(SkippedWarning, match=message) as caught:
        labels = pycifar.predict(small_model, images, on_error="skip")
    assert caught[0].filename == __file__
    assert labels.dtype == np.int64
    assert labels.tolist() == [-1, *pycifar.predict(small_model, good), -1, -1, -1]
    with pytest.warns(SkippedWarning, match="4 of 5"):
        probabilities = pycifar.predict(small_model, images, "prob", on_error="skip")
    assert np.isnan(probabilities).all(axis=1).tolist() == [True, False, True, True, True]
    assert (probabilities[1] == pycifar.predict(small_model, good, "prob")).all()
    with pytest.warns(SkippedWarning, match="1 of 1 "):
        assert pycifar.predict(small_model, bad, on_error="skip").tolist() == [-1]
    with pytest.raises(ArgumentError, match='`on_error` must be one of "stop", "skip"'):
        pycifar.predict(small_model, images, on_error="pass")


def test_a_missing_value_among_images_is_one_that_cannot_be_read(small_model, tmp_path):
    good = tmp_path / "good.png"
    Image.new("RGB", (9, 9), "red").save(good)
    (label,) = pycifar.predict(small_model, good)
    missing = [None, float("nan"), pandas.NA]
    table = pandas.DataFrame({"path": [*missing, str(good)]})
    for images in ([*missing, good], table, table["path"], table["path"].to_numpy()):
        with pytest.warns(SkippedWarning, match=r"3 of 4 \(image 1, image 2, image 3\)"):
            labels = pycifar.predict(small_model, images, on_error="skip")
        assert labels.tolist() == [-1, -1, -1, label]
        with pytest.raises(ImageError, match="number 1 is a missing value") as caught:
            pycifar.predict(small_model, images)
        assert 'give "skip" as `on_error`' in caught.value.fix
    with pytest.warns(SkippedWarning, match="1 of 1"):
        assert pycifar.predict(small_model, [None], on_error="skip").tolist() == [-1]


def test_a_pattern_says_what_it_passed_over(small_model, tmp_path):
    Image.new("RGB", (9, 9), "red").save(tmp_path / "a.png")
    for number in range(7):
        (tmp_path / f"notes{number}.txt").touch()
    with pytest.warns(
        SkippedWarning, match=r"passed over: 7 \(.*notes0\.txt, .*notes4\.txt and 2 more\)\.$"
    ):
        assert len(pycifar.predict(small_model, tmp_path / "*")) == 1
