"""The loss, the metrics and the weights of images that a training takes, and what it records."""

from __future__ import annotations

import copy
import pickle

import keras
import numpy as np
import pytest

import pycifar
from pycifar.backend import seeded
from pycifar.datasets.subset import split_subsets
from pycifar.errors import ArgumentError, ObjectiveError, UnknownNameError, UnsavedWarning
from pycifar.learners.descriptions import LOSSES, METRICS
from pycifar.training.batches import Batches

SETTINGS = {"epochs": 2, "batch_size": 50, "seed": 1, "verbose": 0, "validation": "test"}


@pytest.fixture(scope="module")
def dataset():
    return pycifar.load_dataset("synthetic", n_train=200, n_test=50)


@pytest.fixture(scope="module")
def two_classes(dataset):
    parts = {n: (p.images, p.labels % 2) for n, p in dataset.splits.items()}
    return pycifar.load_dataset(parts, class_names=["even", "odd"])


def network(units=10, activation="softmax"):
    with seeded(3):
        return keras.Sequential(
            [
                keras.Input((32, 32, 3), dtype="uint8"),
                keras.layers.Rescaling(1 / 255),
                keras.layers.Conv2D(6, 5, strides=3, activation="relu"),
                keras.layers.Flatten(),
                keras.layers.Dense(units, activation=activation),
            ]
        )


def sgd():
    return keras.optimizers.SGD(0.02, momentum=0.9)


def fitted(dataset, model, optimizer, loss, labels_as, weights=None, **compiled):
    """Train a network on the batches of pycifar, as `fit` would."""
    model.compile(optimizer, loss, **compiled)
    config = pycifar.train(dataset, network(dataset.n_classes), **SETTINGS | {"epochs": 1}).config
    batches = Batches(split_subsets(dataset, None, 1)[0], config, weights)
    for epoch in (1, 2):
        for step in range(batches.steps_per_epoch):
            images, labels, share = batches.make(epoch, step)
            model.train_on_batch(np.ascontiguousarray(images), labels_as(labels), share)
    return model


def one_hot(labels):
    return np.eye(10, dtype=np.float32)[labels]


def as_column(labels):
    return labels[:, None].astype(np.float32)


def assert_same_weights(model, other, within=1e-5):
    for own, theirs in zip(model.keras_model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(own, theirs, atol=within)


def last(model, split="validation"):
    rows = model.history[(model.history["epoch"] == model.epochs_done)]
    rows = rows[(rows["split"] == split) & (rows["metric"] != "learning_rate")]
    return dict(zip(rows["metric"], rows["value"], strict=True))


def own_loss(y_true, y_pred):
    return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "crossentropy"])
def test_a_loss_by_name_gives_the_weights_of_fit(dataset, name):
    model = pycifar.train(dataset, network(), loss=name, optimizer=sgd(), **SETTINGS)
    other = fitted(dataset, network(), sgd(), name, one_hot)
    assert_same_weights(model, other)
    assert model.config.loss == name


def test_a_loss_of_keras_keeps_its_arguments_in_the_file(dataset, tmp_path):
    loss = keras.losses.Huber(delta=0.1)
    model = pycifar.train(dataset, network(), loss=loss, optimizer=sgd(), **SETTINGS)
    assert_same_weights(model, fitted(dataset, network(), sgd(), loss, one_hot))
    path = pycifar.save_model(model, tmp_path / "model.keras")
    loaded = pycifar.load_model(path)
    assert loaded.config.loss["config"]["delta"] == 0.1
    further = [pycifar.train(dataset, m, epochs=1, verbose=0) for m in (model, loaded)]
    assert further[0].fingerprint() == further[1].fingerprint()


@pytest.mark.parametrize("metrics", ["top_5", [*METRICS]])
def test_metrics_change_no_weights(dataset, metrics):
    plain = pycifar.train(dataset, "cnn2", **SETTINGS)
    measured = pycifar.train(dataset, "cnn2", metrics=metrics, **SETTINGS)
    assert measured.fingerprint() == plain.fingerprint()
    assert last(measured)["loss"] == last(plain)["loss"]


def test_metrics_are_those_of_scikit_learns_definitions(dataset):
    model = pycifar.train(dataset, "cnn2", metrics=["top_5", "f1", "precision"], **SETTINGS)
    test = dataset.split("test")
    probabilities = pycifar.predict(model, test, type="prob")
    order = np.argsort(-probabilities, axis=1)
    predicted = order[:, 0]
    f1 = []
    for label in range(10):
        right = np.sum((predicted == label) & (test.labels == label))
        f1.append(2 * right / max(1, np.sum(predicted == label) + np.sum(test.labels == label)))
    expected = {
        "top_5": np.mean((order[:, :5] == test.labels[:, None]).any(axis=1)),
        "f1": np.mean(f1),
        "precision": np.mean(one_hot(test.labels)[probabilities > 0.5] == 1)
        if (probabilities > 0.5).any()
        else 0.0,
    }
    for name, value in expected.items():
        assert last(model)[name] == pytest.approx(value, abs=1e-6)
    assert pycifar.evaluate(model, dataset).metrics == pytest.approx(expected, abs=1e-6)


def test_a_metric_counts_over_the_whole_epoch(dataset):
    model = pycifar.train(dataset, network(), metrics=keras.metrics.AUC(name="area"), **SETTINGS)
    other = network()
    other.set_weights(model.keras_model.get_weights())
    other.compile(loss="categorical_crossentropy", metrics=[keras.metrics.AUC(name="area")])
    test = dataset.split("test")
    found = other.evaluate(
        np.ascontiguousarray(test.images), one_hot(test.labels), batch_size=7, verbose=0,
        return_dict=True,
    )  # fmt: skip
    assert last(model)["area"] == pytest.approx(found["area"], abs=1e-6)


def test_a_resumed_epoch_has_the_metrics_of_one_that_was_not_cut_off(dataset, tmp_path):
    settings = SETTINGS | {"metrics": ["auc", "top_5"]}
    whole = pycifar.train(dataset, "cnn2", **settings)

    def fail(batch, logs):
        seen.append(batch)
        if len(seen) == 7:  # of eight
            raise RuntimeError

    seen: list[int] = []
    with pytest.raises(pycifar.errors.CallbackError):
        pycifar.train(
            dataset, "cnn2", checkpoint_dir=tmp_path / "c", checkpoint_every=1,
            callbacks={"on_train_batch_end": fail}, **settings,
        )  # fmt: skip
    resumed = pycifar.train(
        dataset, "cnn2", checkpoint_dir=tmp_path / "c", checkpoint_every=1, resume=True, **settings
    )
    assert resumed.fingerprint() == whole.fingerprint()
    assert resumed.history.equals(whole.history)


def test_functions_of_the_caller_are_used_and_missed_in_a_file(dataset, tmp_path):
    settings = SETTINGS | {"loss": own_loss, "metrics": [own_loss, "top_5"]}
    model = pycifar.train(dataset, network(), **settings)
    assert last(model)["own_loss"] == pytest.approx(last(model)["loss"], rel=1e-5)
    found = pycifar.evaluate(model, dataset)
    assert found.objective == pytest.approx(last(model)["loss"], rel=1e-5)
    assert [*found.metrics] == ["own_loss", "top_5"]
    assert pycifar.train(model, epochs=1, verbose=0).config.loss == {"own": "own_loss"}

    path = pycifar.save_model(model, tmp_path / "model.keras")
    keras.models.load_model(path)
    loaded = pycifar.load_model(path)
    with pytest.warns(UnsavedWarning, match="own_loss are not evaluated"):
        found = pycifar.evaluate(loaded, dataset)
    assert found.objective is None
    assert [*found.metrics] == ["top_5"]
    with pytest.raises(ArgumentError, match="`loss` must be given: the model's own, own_loss"):
        pycifar.train(dataset, loaded, epochs=1)
    with pytest.raises(ArgumentError, match="`metrics` must be given: the model's own, own_loss"):
        pycifar.train(dataset, loaded, epochs=1, loss="huber")
    pycifar.train(dataset, loaded, epochs=1, loss=own_loss, metrics=[], verbose=0)


def mean_of_batch(y_true, y_pred):
    return keras.ops.max(y_pred)


def test_evaluation_has_the_metrics_of_the_history(dataset, tmp_path):
    bce = keras.metrics.BinaryCrossentropy(name="bce")  # Keras computes it from the logits
    metrics = ["crossentropy", "auc", bce, keras.metrics.MeanIoU(10, name="iou"), mean_of_batch]
    settings = SETTINGS | {"epochs": 1, "batch_size": 40, "augmentation": "none"}
    model = pycifar.train(
        dataset, "softmax", metrics=metrics, optimizer="sgd", learning_rate=5.0, **settings
    )
    expected = {n: v for n, v in last(model).items() if n not in ("loss", "accuracy")}
    assert expected["crossentropy"] > 100  # where probabilities are 0
    assert [*expected] == sorted(["crossentropy", "auc", "bce", "iou", "mean_of_batch"])
    found = pycifar.evaluate(model, dataset)
    assert found.metrics == pytest.approx(expected, rel=1e-5)
    assert found.loss == pytest.approx(found.metrics["crossentropy"], rel=1e-5)
    averaged = pycifar.evaluate(model, dataset, tta=True).metrics
    assert averaged.keys() == found.metrics.keys()
    assert averaged["crossentropy"] < 20


class Summed(keras.metrics.Metric):
    """A metric whose class takes neither the name nor the type that Keras's description has."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.factor = factor
        self.total = self.add_weight(name="total", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(self.factor * keras.ops.sum(y_true * y_pred))

    def result(self):
        return self.total

    def get_config(self):
        return super().get_config() | {"factor": self.factor}


class Forgetful(Summed):
    """A metric that does not say with which arguments it was made."""

    def get_config(self):
        return keras.metrics.Metric.get_config(self)


class Scaled(keras.losses.Loss):
    def __init__(self, factor=1.0):
        super().__init__()
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)

    def get_config(self):
        return super().get_config() | {"factor": self.factor}


def test_objects_of_the_callers_classes_are_made_again_and_copied_with_the_model(dataset):
    settings = SETTINGS | {"epochs": 1, "metrics": Summed(2.0)}
    model = pycifar.train(dataset, network(), loss=Scaled(3.0), **settings)
    found = pycifar.evaluate(model, dataset)
    assert found.metrics["summed"] == pytest.approx(last(model)["summed"], rel=1e-5)
    assert found.objective == pytest.approx(last(model)["loss"], rel=1e-5)
    for other in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other == model
        again = pycifar.evaluate(other, dataset)
        assert (again.metrics, again.objective) == (found.metrics, found.objective)
    with pytest.raises(ArgumentError, match="Forgetful cannot be made .* does not .*factor"):
        pycifar.train(dataset, network(), metrics=Forgetful(2.0), epochs=1)


def test_evaluation_has_what_the_training_lowered_beside_the_cross_entropy(dataset):
    for settings in ({"label_smoothing": 0.2}, {"architecture": "fastnet"}):
        settings = {"architecture": "cnn2", **SETTINGS, **settings}
        model = pycifar.train(dataset, **settings)
        found = pycifar.evaluate(model, dataset)
        assert found.objective == pytest.approx(last(model)["loss"], rel=1e-3)
        assert found.objective != found.loss
    found = pycifar.evaluate(pycifar.train(dataset, "cnn2", **SETTINGS), dataset)
    assert found.objective == found.loss
    model = pycifar.train(dataset, "mlp_relu", **SETTINGS)
    found = pycifar.evaluate(model, dataset)
    assert found.objective == pytest.approx(last(model)["loss"], rel=1e-5)
    assert found.objective > found.loss  # the penalty on weights


def test_weights_of_images_give_the_weights_of_fit(dataset):
    weights = np.linspace(0, 2, 200).astype(np.float32)
    model = pycifar.train(
        dataset, network(), optimizer=sgd(), sample_weight=weights.tolist(), **SETTINGS
    )
    plain = pycifar.train(dataset, network(), optimizer=sgd(), **SETTINGS)
    other = fitted(
        dataset, network(), sgd(), "sparse_categorical_crossentropy",
        lambda labels: labels, weights,
    )  # fmt: skip
    assert_same_weights(model, other)
    assert model.fingerprint() != plain.fingerprint()
    assert len(model.config.sample_weight) == 64
    with pytest.raises(ArgumentError, match="`sample_weight` must be given"):
        pycifar.train(model, epochs=1)
    pycifar.train(model, epochs=1, sample_weight=np.ones(200), verbose=0)


def test_images_of_weight_zero_are_not_learned_from(dataset):
    changed = {n: (p.images.copy(), p.labels) for n, p in dataset.splits.items()}
    changed["train"][0][:50] = 0
    weights = np.r_[np.zeros(50), np.ones(150)]
    models = [
        pycifar.train(one, network(), sample_weight=weights, **SETTINGS | {"validation": None})
        for one in (dataset, pycifar.load_dataset(changed, class_names=dataset.class_names))
    ]
    assert models[0].fingerprint() == models[1].fingerprint()


def test_held_out_images_take_their_weights_with_them(dataset):
    weights = np.arange(1.0, 201.0)
    seen = {}

    def note(self, *arguments, make=Batches.make):
        images, labels, share = make(self, *arguments)
        for image, one in zip(images, share, strict=True):
            seen[image.tobytes()] = float(one)
        return images, labels, share

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batches, "make", note)
        pycifar.train(
            dataset, network(), sample_weight=weights, **SETTINGS | {"validation": 0.2, "epochs": 1}
        )
    expected = {i.tobytes(): w for i, w in zip(dataset.split("train").images, weights, strict=True)}
    assert len(seen) == 160
    assert all(expected[image] == weight for image, weight in seen.items())


def test_the_best_weights_go_by_the_monitored_metric(dataset):
    settings = SETTINGS | {"epochs": 6, "learning_rate": 0.05}
    model = pycifar.train(
        dataset, "cnn2", metrics="top_5", monitor="top_5", best_weights=True, **settings
    )
    rows = model.history[(model.history.metric == "top_5") & (model.history.split == "validation")]
    assert model.best_epoch == int(rows["epoch"].iloc[int(rows["value"].argmax())])
    assert pycifar.evaluate(model, dataset).metrics["top_5"] == pytest.approx(rows["value"].max())
    assert model.config.monitor == "top_5"


def test_what_a_model_was_compiled_with_is_used(dataset):
    given = network()
    given.compile(
        keras.optimizers.SGD(0.02),
        keras.losses.CategoricalFocalCrossentropy(gamma=1.0),
        metrics=["accuracy", keras.metrics.TopKCategoricalAccuracy(3, name="top_3")],
    )
    model = pycifar.train(dataset, given, **SETTINGS)
    other = fitted(
        dataset, network(), keras.optimizers.SGD(0.02),
        keras.losses.CategoricalFocalCrossentropy(gamma=1.0), one_hot,
    )  # fmt: skip
    assert_same_weights(model, other)
    assert model.config.optimizer == "SGD"
    assert model.config.loss["config"]["gamma"] == 1.0
    assert [*model.config.metrics] == ["top_3"]
    said = pycifar.train(dataset, given, optimizer="sgd", loss="crossentropy", **SETTINGS)
    assert (said.config.optimizer, said.config.loss) == ("sgd", "crossentropy")
    assert pycifar.train(dataset, model.keras_model, **SETTINGS).config.optimizer == "sgd"


def test_a_function_that_compiles_its_model_is_taken_at_its_word(dataset):
    def build(input_shape, n_classes):
        model = network(n_classes, None)
        model.compile("rmsprop", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    model = pycifar.train(dataset, build, **SETTINGS)
    assert model.config.optimizer == "RMSprop"
    assert model.config.loss == "crossentropy"
    assert pycifar.predict(model, dataset.split("test"), type="prob").sum(axis=1) == pytest.approx(
        1
    )


class OwnRate(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, rate=0.01):
        self.rate = rate

    def __call__(self, step):
        return self.rate

    def get_config(self):
        return {"rate": self.rate}


def test_a_model_compiled_with_a_schedule_of_the_callers_own_is_trained(dataset):
    given = network()
    given.compile(keras.optimizers.Adam(OwnRate()), "sparse_categorical_crossentropy")
    with pytest.warns(UnsavedWarning, match="OwnRate"):
        model = pycifar.train(dataset, given, **SETTINGS)
    assert model.config.schedule == "OwnRate"


def test_a_model_compiled_for_several_losses_is_refused(dataset):
    given = network()
    given.compile("adam", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    with pytest.raises(ArgumentError, match="with one loss and with plain metrics"):
        pycifar.train(dataset, given, epochs=1)
    given = network()
    given.compile("adam", "sparse_categorical_crossentropy", loss_weights=[3.0])
    with pytest.raises(ArgumentError, match=r"without `loss_weights`, .* they are \[3\.0\]"):
        pycifar.train(dataset, given, epochs=1)
    given = network()
    given.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(ArgumentError, match="`learning_rate` must be left out"):
        pycifar.train(dataset, given, learning_rate=0.1, epochs=1)


@pytest.mark.parametrize("from_logits", [True, False])
def test_logits_are_trained_as_fit_does_and_become_probabilities(dataset, from_logits):
    given = network(10, None)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = pycifar.train(
        dataset, given, optimizer=sgd(), loss=loss if from_logits else None, **SETTINGS
    )
    other = fitted(dataset, network(10, None), sgd(), loss, lambda y: y)
    assert_same_weights(model, other)
    test = np.ascontiguousarray(dataset.split("test").images)
    expected = keras.ops.softmax(other.predict(test, verbose=0))
    found = pycifar.predict(model, test, type="prob")
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert given.output_shape == (None, 10)


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_one_unit_is_trained_as_fit_does_and_becomes_two_probabilities(
    two_classes, activation, tmp_path
):
    loss = keras.losses.BinaryCrossentropy(from_logits=activation is None)
    measured = [keras.metrics.AUC(name="auc"), keras.metrics.Precision(name="precision")]
    settings = SETTINGS | {"metrics": measured}
    for given in (None, loss):
        model = pycifar.train(
            two_classes, network(1, activation), loss=given, optimizer=sgd(), **settings
        )
        other = fitted(two_classes, network(1, activation), sgd(), loss, as_column)
        assert_same_weights(model, other)
        test = two_classes.split("test")
        outputs = other.predict(np.ascontiguousarray(test.images), verbose=0)
        second = keras.ops.convert_to_numpy(
            keras.ops.sigmoid(outputs) if activation is None else outputs
        )
        probabilities = pycifar.predict(model, test, type="prob")
        np.testing.assert_allclose(probabilities[:, 1:], second, atol=1e-5)
        expected = {}
        for metric in [keras.metrics.AUC(name="auc"), keras.metrics.Precision(name="precision")]:
            metric.update_state(as_column(test.labels), second)
            expected[metric.name] = float(metric.result())
        assert pycifar.evaluate(model, two_classes).metrics == pytest.approx(expected, abs=1e-3)
        assert last(model)["auc"] == pytest.approx(expected["auc"], abs=1e-3)
    loaded = pycifar.load_model(pycifar.save_model(model, tmp_path / "model.keras"))
    further = [pycifar.train(two_classes, m, epochs=1, verbose=0) for m in (model, loaded)]
    assert further[0].fingerprint() == further[1].fingerprint()
    assert pycifar.evaluate(loaded, two_classes) == pycifar.evaluate(model, two_classes)


def test_one_unit_for_other_than_two_classes_or_of_another_kind_is_refused(dataset, two_classes):
    with pytest.raises(ArgumentError, match="give 10 probabilities; it takes .* and gives"):
        pycifar.train(dataset, network(1, "sigmoid"), epochs=1)
    with pytest.raises(ArgumentError, match="must end with a sigmoid or with a logit"):
        pycifar.train(two_classes, network(1, "relu"), epochs=1)
    with pytest.raises(ArgumentError, match="must end with a softmax where its loss is own_loss"):
        pycifar.train(dataset, network(10, None), loss=own_loss, epochs=1)


@pytest.mark.parametrize(
    ("units", "loss", "message"),
    [
        (10, "categorical_hinge", "end with a softmax where its loss is categorical_hinge, which"),
        (10, "mse", "end with a softmax where its loss is mean_squared_error, which"),
        (10, keras.losses.Hinge(), "end with a softmax where its loss is Hinge, which"),
        (
            10,
            keras.losses.BinaryCrossentropy(from_logits=True),
            "end with a softmax where its loss is BinaryCrossentropy, which",
        ),
        (1, "mae", "end with a sigmoid where its loss is mean_absolute_error, which"),
        (1, "binary_crossentropy", "end with a sigmoid where its loss is binary_crossentropy, wh"),
    ],
)
def test_a_loss_of_scores_is_not_computed_from_their_softmax(
    dataset, two_classes, units, loss, message
):
    given = network(units, None)
    given.compile("sgd", loss)
    images = dataset if units == 10 else two_classes
    for use in (pycifar.train, lambda d, n: pycifar.adopt_model(n, d.class_names)):
        with pytest.raises(ArgumentError, match=message) as caught:
            use(images, given)
        assert "from_logits=True" in caught.value.fix


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_one_unit_takes_a_loss_of_the_callers_own_where_it_gives_probabilities(
    two_classes, activation
):
    settings = SETTINGS | {"loss": own_loss, "optimizer": sgd()}
    if activation is None:
        with pytest.raises(ArgumentError, match="must end with a sigmoid"):
            pycifar.train(two_classes, network(1, activation), **settings)
        return
    model = pycifar.train(two_classes, network(1, activation), **settings)
    assert_same_weights(
        model, fitted(two_classes, network(1, activation), sgd(), own_loss, as_column)
    )


@pytest.mark.parametrize(
    "loss",
    [
        keras.losses.CategoricalGeneralizedCrossEntropy(),
        keras.losses.Circle(),
        keras.losses.CTC(),
        keras.losses.circle,
    ],
)
def test_a_loss_of_other_labels_or_outputs_is_refused_before_training(dataset, loss):
    with pytest.raises(ObjectiveError, match="`loss` cannot be computed") as caught:
        pycifar.train(dataset, network(), loss=loss, epochs=1)
    assert "Labels are one-hot" in caught.value.fix


def test_a_loss_and_metrics_keep_the_axis_that_they_were_given(dataset, tmp_path):
    loss = keras.losses.Dice(axis=-1)
    measured = [keras.metrics.MeanIoU(10, sparse_y_true=False, sparse_y_pred=False, name="iou")]
    model = pycifar.train(
        dataset, network(), loss=loss, metrics=measured, optimizer=sgd(), **SETTINGS
    )
    assert_same_weights(model, fitted(dataset, network(), sgd(), loss, one_hot))
    loaded = pycifar.load_model(pycifar.save_model(model, tmp_path / "model.keras"))
    assert loaded.config.loss == {
        "class_name": "Dice",
        "config": {"reduction": "sum_over_batch_size", "axis": -1},
    }
    assert pycifar.evaluate(loaded, dataset).metrics["iou"] == pytest.approx(last(model)["iou"])


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"loss": "mse"}, UnknownNameError, "`loss` must be one of"),
        ({"loss": 3}, ArgumentError, "`loss` must be a name, a loss of Keras, or a function"),
        (
            {"loss": lambda y, p: 1 / 0},
            ArgumentError,
            "`loss` cannot be computed: division by zero",
        ),
        ({"loss": keras.losses.Huber(reduction=None)}, ArgumentError, "its reduction is None"),
        ({"loss": "huber", "label_smoothing": 0.1}, ArgumentError, "`label_smoothing` is for the"),
        ({"metrics": ["acuracy"]}, UnknownNameError, "`metrics` must be one of"),
        ({"metrics": 3}, ArgumentError, "`metrics` must be names, metrics of Keras, or functions"),
        ({"metrics": ["f1", "f1"]}, ArgumentError, "one is called f1"),
        ({"metrics": [keras.metrics.F1Score()]}, ArgumentError, "gives one for each class"),
        ({"monitor": "f1"}, ArgumentError, "neither `early_stopping` nor"),
        ({"monitor": "f1", "best_weights": True}, UnknownNameError, "`monitor` must be one of"),
        (
            {"monitor": "own_loss", "metrics": own_loss, "best_weights": True},
            ArgumentError,
            "whether higher is better; of own_loss it is not",
        ),
        ({"sample_weight": [1.0]}, ArgumentError, "each of the 200 training images, not 1"),
        ({"sample_weight": [-1.0] * 200}, ArgumentError, "numbers of at least 0"),
        ({"sample_weight": ["a"] * 200}, ArgumentError, "numbers of at least 0"),
        ({"sample_weight": np.zeros(200)}, ArgumentError, "above 0 for at least one image"),
        ({"architecture": "mlp_relu", "loss": "huber"}, ArgumentError, "for a network of NumPy"),
        ({"architecture": "mlp_relu", "metrics": "f1"}, ArgumentError, "for a network of NumPy"),
        (
            {"architecture": "mlp_relu", "sample_weight": np.ones(200)},
            ArgumentError,
            "for a network of NumPy",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_before_training(dataset, settings, error, message):
    with pytest.raises(error, match=message):
        pycifar.train(dataset, epochs=1, **settings)


def test_the_history_has_the_learning_rate(dataset):
    model = pycifar.train(dataset, "cnn2", schedule="cosine", learning_rate=0.01, **SETTINGS)
    rates = model.history[model.history["metric"] == "learning_rate"]
    steps = 200 // 50 * 2
    cosine = [0.01 * (1 + np.cos(np.pi * step / steps)) / 2 for step in (3, 7)]
    assert rates["value"].tolist() == pytest.approx(cosine)


@pytest.mark.parametrize(
    ("argument", "given", "meant"),
    [
        ("loss", "mse", "mean_squared_error"),
        ("loss", "KLD", "kl_divergence"),
        ("metrics", "MSE", "mean_squared_error"),
        ("metrics", ["acc"], "accuracy"),
    ],
)
def test_short_names_of_keras_lead_to_those_here(small_dataset, argument, given, meant):
    with pytest.raises(UnknownNameError) as caught:
        pycifar.train(small_dataset, "softmax", **{argument: given})
    assert caught.value.fix == f'Did you mean "{meant}"?'
