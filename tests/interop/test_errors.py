"""Errors that cross between the languages, in either direction."""

from __future__ import annotations

DATASET = 'dataset <- cifar_load_dataset("synthetic", n_train = 100, n_test = 50)\n'

CATCH = """
def caught(expression):
    r('''
    catch <- function(expression) {
      condition <- tryCatch(eval(parse(text = expression)), error = identity)
      list(class(condition), conditionMessage(condition), deparse(conditionCall(condition))[[1]],
           paste(condition$traceback, collapse = ""))
    }
    ''')
    classes, message, call, traceback = r["catch"](expression)
    return {"classes": list(classes), "message": message[0], "call": call[0],
            "traceback": traceback[0]}
"""


def test_an_error_of_python_is_a_classed_condition_in_r(r_in_python):
    found = r_in_python(
        CATCH + f"r('''{DATASET}''')\nverdict(caught('cifar_train(dataset, epochs = 0)'))"
    )
    assert found["classes"][:2] == ["pycifar_error_argument", "pycifar_error"]
    assert found["message"].startswith("`epochs` must be a whole number of at least 1")
    assert found["call"].startswith("cifar_train(")
    assert "Traceback" not in found["message"]
    assert "Traceback" in found["traceback"]


def test_the_most_specific_class_comes_first(r_in_python):
    found = r_in_python(CATCH + "verdict(caught('cifar_build_model(\"cnn22\")'))")
    assert found["classes"][:3] == [
        "pycifar_error_unknown_name",
        "pycifar_error_argument",
        "pycifar_error",
    ]
    assert 'Did you mean "cnn2"?' in found["message"]


def test_an_error_in_a_function_of_r_comes_back_through_python_as_a_callback_error(r_in_python):
    found = r_in_python(
        CATCH
        + f"r('''{DATASET}"
        + """
fail <- function(epoch, logs) stop("the disk is full of {braces}")
''')
verdict(caught(
    'cifar_train(dataset, epochs = 2, batch_size = 50, seed = 1, verbose = 0, '
    'callbacks = list(on_epoch_end = fail))'
))
"""
    )
    assert found["classes"][:3] == [
        "pycifar_error_callback",
        "pycifar_error_training",
        "pycifar_error",
    ]
    assert "`on_epoch_end` failed" in found["message"]
    assert "the disk is full of {braces}" in found["message"]


def test_an_error_of_r_reaches_python_as_rpy2_s_own(r_in_python):
    found = r_in_python(
        """
from rpy2.rinterface_lib.embedded import RRuntimeError
try:
    r('cifar_build_model("cnn22")')
except RRuntimeError as error:
    verdict(str(error))
verdict("no error")
"""
    )
    # rpy2 keeps the call and the last line of the message.
    assert "cifar_build_model" in found
    assert 'Did you mean "cnn2"?' in found


def test_a_training_goes_on_after_an_error_in_the_same_session(r_in_python):
    found = r_in_python(
        CATCH
        + f"r('''{DATASET}''')"
        + """
caught('cifar_train(dataset, epochs = 0)')
caught('cifar_train(dataset, callbacks = list(on_epoch_end = function(epoch, logs) stop("no")))')
r('model <- cifar_train(dataset, epochs = 1, batch_size = 50, seed = 1, verbose = 0)')
verdict(int(r("model$epochs_done")[0]))
"""
    )
    assert found == 1
