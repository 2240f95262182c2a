"""The estimator of scikit-learn."""

import dataclasses
import inspect
import os
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted, validate_data

import pycifar
from pycifar.errors import ForkedError, ImageError, UnknownArgumentError, UnknownNameError
from pycifar.sklearn import ImageClassifier

DATASET = pycifar.load_dataset("synthetic", n_train=120, n_test=20)
IMAGES, NUMBERS = DATASET.split("train").images, DATASET.split("train").labels
NAMES = np.array(DATASET.class_names)[NUMBERS]


def quick(**settings) -> ImageClassifier:
    return ImageClassifier("mlp_relu", **{"epochs": 1, "random_state": 1} | settings)


class OfRows(ImageClassifier):
    """The estimator with rows of numbers, as the checks of scikit-learn have them, as pictures."""

    def fit(self, X, y):  # noqa: N803
        return super().fit(_drawn(validate_data(self, X, y)[0]), y)

    def predict(self, X):  # noqa: N803
        check_is_fitted(self)
        return super().predict(_drawn(validate_data(self, X, reset=False)))

    def predict_proba(self, X):  # noqa: N803
        check_is_fitted(self)
        return super().predict_proba(_drawn(validate_data(self, X, reset=False)))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


def _drawn(rows):
    grey = 255 / (1 + np.exp(-np.clip(rows.astype(float), -50, 50) / 2))
    return np.rint(grey).astype(np.uint8)[:, np.newaxis, :, np.newaxis]


def test_the_checks_of_scikit_learn_pass():
    classifier = OfRows(
        "mlp_relu", epochs=30, batch_size=4, learning_rate=0.05, schedule="cosine", momentum=0.9
    ).set_params(augmentation="none")
    done = check_estimator(
        classifier,
        expected_failed_checks={
            "check_methods_sample_order_invariance": "Probabilities are float32, whose last bits "
            "depend on the place in the batch; the check allows for less.",
        },
        on_skip=None,
    )
    statuses = [check["status"] for check in done]
    assert len(statuses) > 40
    assert statuses.count("passed") >= len(statuses) - 2


def test_the_arguments_are_those_of_train_with_their_defaults():
    expected = {
        {"seed": "random_state"}.get(name, name): parameter.default
        for name, parameter in inspect.signature(pycifar.train).parameters.items()
        if name not in ("dataset", "sample_weight")
    }
    expected |= {"validation": None, "verbose": 0}
    fields = {field.name: field.default for field in dataclasses.fields(ImageClassifier)}
    assert fields == expected
    assert ImageClassifier().get_params() == expected


def test_weights_of_images_are_those_of_train():
    dataset = pycifar.load_dataset({"train": (IMAGES, NAMES)})
    weights = np.linspace(0, 1, len(IMAGES))
    settings = {"epochs": 1, "validation": None, "seed": 1, "verbose": 0}
    model = pycifar.train(dataset, "softmax", sample_weight=weights, **settings)
    found = ImageClassifier("softmax", epochs=1, random_state=1).fit(IMAGES, NAMES, weights)
    assert found.model_ == model
    assert found.model_ != ImageClassifier("softmax", epochs=1, random_state=1).fit(
        IMAGES, NAMES
    ).model_  # fmt: skip


def test_a_whole_number_gives_the_weights_of_that_seed():
    dataset = pycifar.load_dataset({"train": (IMAGES, NAMES)})
    model = pycifar.train(dataset, "mlp_relu", epochs=1, validation=None, seed=1, verbose=0)
    assert quick().fit(IMAGES, NAMES).model_ == model


def test_a_generator_and_none_draw_a_seed_as_numpy_does():
    generator = np.random.RandomState(3)
    classifier = quick(random_state=generator)
    first, second = (classifier.fit(IMAGES, NAMES).model_ for _ in range(2))
    assert first != second
    assert quick(random_state=np.random.RandomState(3)).fit(IMAGES, NAMES).model_ == first
    seeds = []
    for _ in range(2):
        np.random.seed(7)
        seeds.append(quick(random_state=None).fit(IMAGES, NAMES).model_.config.seed)
    assert seeds[0] == seeds[1]


@pytest.mark.parametrize(
    "labels", [NAMES, NAMES.astype(object), NUMBERS, 7 - 3 * NUMBERS, NUMBERS / 1.0, NUMBERS > 4]
)
def test_labels_come_back_as_they_were_given(labels):
    # Follows keras-team/keras #5055: names were refused.
    classifier = quick().fit(IMAGES, labels)
    assert classifier.classes_.tolist() == sorted(set(labels.tolist()))
    predicted = classifier.predict(IMAGES[:5])
    assert predicted.dtype == classifier.classes_.dtype == labels.dtype
    assert set(predicted.tolist()) <= set(labels.tolist())
    probabilities = classifier.predict_proba(IMAGES)
    assert probabilities.shape == (len(IMAGES), len(classifier.classes_))
    best = classifier.classes_[probabilities.argmax(axis=1)]
    assert classifier.score(IMAGES, labels) == np.mean(best == labels)


def test_class_weights_are_by_label():
    few, labels = IMAGES[:60], NUMBERS[:60] * 3
    classifier = ImageClassifier("softmax", epochs=1, class_weights={3: 2.0})
    assert classifier.fit(few, labels).model_.config.class_weights["3"] == 2
    with pytest.raises(UnknownNameError, match='not "4"'):  # the number of a class, but no label
        classifier.set_params(class_weights={4: 2.0}).fit(few, labels)


def test_nothing_is_held_out_unless_it_is_asked_for():
    alone = quick().fit(IMAGES, NAMES).model_
    assert set(alone.history["split"]) == {"train"}
    asked = quick(validation=0.2).fit(IMAGES, NAMES).model_
    assert set(asked.history["split"]) == {"train", "validation"}


def test_what_is_given_stays_as_it_is_for_the_next_fit():
    import keras

    class Sum(keras.metrics.Sum):  # which no registry of Keras has
        def update_state(self, y_true, y_pred, sample_weight=None):
            return super().update_state(y_pred)

    optimizer, metric = keras.optimizers.Adam(0.001), Sum(name="mass")
    classifier = ImageClassifier(
        "softmax", epochs=1, optimizer=optimizer, metrics=metric, random_state=1
    )
    first = classifier.fit(IMAGES, NAMES).model_
    assert classifier.fit(IMAGES, NAMES).model_ == first
    assert classifier.optimizer is optimizer
    assert not optimizer.built
    assert classifier.metrics is metric
    assert float(metric.result()) == 0
    classifier.set_params(metrics="f1")
    assert clone(classifier).fit(IMAGES, NAMES).model_ == first


def test_images_are_images():
    with pytest.raises(ImageError, match="not rows of flattened images"):
        quick().fit(IMAGES.reshape(len(IMAGES), -1), NAMES)
    with pytest.raises(ValueError, match="NaN"):
        quick().fit(np.full((4, 8, 8, 3), np.nan), NAMES[:4])
    whole = quick(augmentation="none").fit(IMAGES, NAMES).model_
    assert quick(augmentation="none").fit(IMAGES / 255, NAMES).model_ == whole


def test_labels_that_are_no_classes_are_refused():
    for labels in (NUMBERS + 0.5, np.eye(10)[NUMBERS], None, NUMBERS[:5], np.zeros(120, int)):
        with pytest.raises(ValueError):
            quick().fit(IMAGES, labels)


def test_predictions_need_a_fit():
    for method in ("predict", "predict_proba"):
        with pytest.raises(NotFittedError):
            getattr(quick(), method)(IMAGES)


def test_tools_of_scikit_learn_take_it():
    search = GridSearchCV(quick(), {"epochs": [1, 2]}, cv=2, error_score="raise")
    assert search.fit(IMAGES, NAMES).best_params_["epochs"] in (1, 2)
    calibrated = CalibratedClassifierCV(quick(), cv=2).fit(IMAGES, NAMES)
    assert calibrated.predict_proba(IMAGES[:2]).shape == (2, 10)
    as_images = FunctionTransformer(lambda rows: rows.reshape(-1, 32, 32, 3))
    rows = IMAGES.reshape(len(IMAGES), -1)
    piped = make_pipeline(as_images, quick()).fit(rows, NAMES)
    assert (piped.predict(rows) == quick().fit(IMAGES, NAMES).predict(IMAGES)).all()
    searched = GridSearchCV(piped, {"imageclassifier__epochs": [1]}, cv=2, error_score="raise")
    searched.fit(rows, NAMES)


def test_two_classes_have_two_columns():
    # Follows keras-team/keras #2864.
    scores = cross_val_score(quick(), IMAGES, NUMBERS > 4, cv=2, scoring="roc_auc")
    assert ((scores >= 0) & (scores <= 1)).all()


def test_optimizers_can_be_searched():
    # Follows adriangb/scikeras #70: those of Keras cannot be copied.
    import keras

    classifier = ImageClassifier("softmax", epochs=1, random_state=1)
    optimizers = ["sgd", keras.optimizers.Adam(0.01), keras.optimizers.SGD(1e-9)]
    search = GridSearchCV(classifier, {"optimizer": optimizers}, cv=2, error_score="raise")
    assert len(search.fit(IMAGES, NAMES).cv_results_["params"]) == 3


def test_it_is_kept_by_pickle_and_joblib(tmp_path):
    classifier = ImageClassifier("cnn2", epochs=1, random_state=1).fit(IMAGES, NAMES)
    joblib.dump(classifier, tmp_path / "classifier.joblib")
    copies = (pickle.loads(pickle.dumps(classifier)), joblib.load(tmp_path / "classifier.joblib"))
    for copy in copies:
        assert copy.get_params() == classifier.get_params()
        assert (copy.predict_proba(IMAGES) == classifier.predict_proba(IMAGES)).all()


@pytest.mark.trains_in_a_child
def test_processes_of_joblib_give_what_one_process_gives():
    classifier = ImageClassifier("softmax", epochs=1, random_state=1)
    alone = cross_val_score(classifier, IMAGES, NAMES, cv=2, error_score="raise")
    many = cross_val_score(classifier, IMAGES, NAMES, cv=2, n_jobs=2, error_score="raise")
    assert (alone == many).all()


@pytest.mark.trains_in_a_child
@pytest.mark.skipif(sys.platform != "linux", reason="joblib forks on Linux")
@pytest.mark.filterwarnings("ignore:.*use of fork", "ignore:.*multi-threaded")
def test_forked_processes_get_an_error(small_model):
    classifier = ImageClassifier("softmax", epochs=1)
    with joblib.parallel_config("multiprocessing"), pytest.raises(ForkedError):
        cross_val_score(classifier, IMAGES, NAMES, cv=2, n_jobs=2, error_score="raise")


def test_without_scikit_learn_the_error_says_what_to_install():
    code = "import sys; sys.modules['sklearn'] = None; import pycifar.sklearn"
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ)
    )
    assert "DependencyError: `pycifar.sklearn` needs scikit-learn" in child.stderr
    assert 'pip install "pycifar[sklearn]"' in child.stderr


@pytest.mark.parametrize(
    ("given", "ours"),
    [("class_weight", "class_weights"), ("seed", "random_state"), ("lr", "learning_rate")],
)
def test_an_argument_that_there_is_not_is_told_by_its_name_here(given, ours):
    with pytest.raises(UnknownArgumentError, match="ImageClassifier.. does not take") as caught:
        ImageClassifier("softmax", **{given: 1})
    assert caught.value.fix == f"It is called `{ours}` here."
