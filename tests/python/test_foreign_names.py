"""Arguments that pycifar does not have: the error says which one was meant."""

import inspect
import traceback

import pytest

import pycifar
from pycifar import foreign_names
from pycifar.errors import (
    ArgumentError,
    OptimizerWarning,
    PycifarWarning,
    UnknownArgumentError,
    UnsavedWarning,
)
from pycifar.language import speaking_r

FUNCTIONS = [getattr(pycifar, name) for name in pycifar.__all__]
FUNCTIONS = [value for value in FUNCTIONS if inspect.isfunction(value)]


@pytest.mark.parametrize(
    ("call", "given", "hint"),
    [
        (pycifar.train, "class_weight", "`class_weights`"),
        (pycifar.train, "lr", "`learning_rate`"),
        (pycifar.train, "validation_split", "`validation`"),
        (pycifar.train, "validation_data", "`validation`"),
        (pycifar.train, "x", r"Give a `dataset`: load_dataset\(\)"),
        (pycifar.train, "steps_per_epoch", "`time_budget`"),
        (pycifar.train, "shuffle", "shuffled in each epoch"),
        (pycifar.train, "random_state", "`seed`"),
        (pycifar.train, "patience", "`early_stopping`"),
        (pycifar.train, "epoch", "`epochs`"),
        (pycifar.train, "cbs", "`callbacks`"),
        (pycifar.train, "momentun", "Did you mean `momentum`?"),
        (pycifar.evaluate, "x", "Give a `dataset`"),
        (pycifar.evaluate, "batch_size", "fit into memory"),
        (pycifar.evaluate, "verbose", "shows no progress"),
        (pycifar.predict, "x", "`images`"),
        (pycifar.predict, "newdata", "`images`"),
        (pycifar.load_dataset, "path", "`data_dir`"),
        (pycifar.load_dataset, "target_size", "`image_size`"),
        (pycifar.find_learning_rate, "start_lr", "`lowest`"),
        (pycifar.find_learning_rate, "max_lr", "`highest`"),
        (pycifar.find_learning_rate, "num_it", "`steps`"),
        (pycifar.save_model, "filepath", "`path`"),
    ],
)
def test_the_error_tells_what_an_argument_is_called_here(call, given, hint):
    with pytest.raises(UnknownArgumentError) as caught:
        call(**{given: 1})
    assert caught.value.message.startswith(f"{call.__name__}() does not take `{given}`; it takes `")
    assert caught.match(hint)


@pytest.mark.parametrize(
    ("call", "given"),
    [
        (pycifar.find_learning_rate, "class_weight"),
        (pycifar.evaluate, "sample_weight"),
        (pycifar.load_dataset, "subset"),
        (pycifar.train, "max_queue_size"),
        (pycifar.train, "filepath"),
    ],
)
def test_no_hint_is_better_than_a_wrong_one(call, given):
    with pytest.raises(UnknownArgumentError) as caught:
        call(**{given: 1})
    assert "Did you mean" not in (caught.value.fix or "")


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_each_public_function_refuses_it_as_pycifar_and_as_python_do(function):
    for error in (UnknownArgumentError, ArgumentError, TypeError):
        with pytest.raises(error, match="does not take `qqqq`; it takes"):
            function(qqqq=1)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_functions_show_the_signature_that_they_are_written_with(function):
    assert inspect.signature(function) == inspect.signature(inspect.unwrap(function))
    kinds = {parameter.kind for parameter in inspect.signature(function).parameters.values()}
    assert kinds <= {inspect.Parameter.POSITIONAL_OR_KEYWORD}


def test_the_traceback_is_short_and_names_the_line_of_the_caller(small_dataset):
    with pytest.raises(UnknownArgumentError) as caught:
        pycifar.train(small_dataset, lr=1)
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [frame.filename for frame in frames] == [__file__, foreign_names.__file__]
    assert caught.value.__cause__ is None


def test_in_r_the_sentence_names_the_functions_of_r():
    with speaking_r():
        assert "cifar_load_dataset() takes fewer" in foreign_names.argument_hint(
            "steps_per_epoch", ["epochs"]
        )


def test_each_name_of_the_table_leads_to_an_argument_that_there_is():
    from pycifar.sklearn import ImageClassifier

    callables = [*FUNCTIONS, ImageClassifier]
    ours = {name for function in callables for name in inspect.signature(function).parameters}
    assert set(foreign_names._NAMES_ELSEWHERE) <= ours
    for name, elsewhere in foreign_names._NAMES_ELSEWHERE.items():
        assert name not in elsewhere.split()
        assert len(set(elsewhere.split())) == len(elsewhere.split())


def test_a_name_that_is_like_none_gets_no_hint():
    assert foreign_names.argument_hint("qqqq", ["epochs"]) is None


def test_warnings_point_to_the_line_that_called_pycifar(small_dataset, tmp_path):
    import keras

    def unsaved(input_shape, n_classes):
        inputs = keras.Input(input_shape)
        scaled = keras.layers.Lambda(lambda images: images / 255)(inputs)
        outputs = keras.layers.Dense(n_classes, "softmax")(keras.layers.Flatten()(scaled))
        return keras.Model(inputs, outputs)

    with pytest.warns(PycifarWarning) as caught:
        model = pycifar.train(small_dataset, unsaved, epochs=1, verbose=0)
        pycifar.save_model(model, tmp_path / "model.keras")
        frozen = pycifar.train(small_dataset, "cnn2", epochs=1, optimizer="adam", verbose=0)
        frozen.network.layers[-1].trainable = False
        frozen = pycifar.train(frozen, epochs=1, verbose=0)
        frozen.network.layers[-1].trainable = True
        pycifar.train(frozen, epochs=1, verbose=0)
    ours = [warning for warning in caught if issubclass(warning.category, PycifarWarning)]
    assert {warning.category for warning in ours} == {UnsavedWarning, OptimizerWarning}
    assert {warning.filename for warning in ours} == {__file__}
