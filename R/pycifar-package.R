#' pycifar: train, evaluate and explain CIFAR-10 image classifiers
#'
#' Convolutional networks for CIFAR-10, and for your own images, from R: [cifar_load_dataset()]
#' brings images, [cifar_train()] trains a classifier on them,
#' [`predict()`][predict.cifar_trained_model] and [cifar_evaluate()] use it, and
#' [cifar_save_model()] and [cifar_load_model()] keep it. `print()`, `summary()` and `plot()` show
#' what these return.
#'
#' @section How it works:
#' The work is done by the Python package of the same name, with Keras. This package carries it and
#' calls it through reticulate; Python starts when it is first needed. The same call with the same
#' seed gives the same weights in both languages, bit for bit; [cifar_fingerprint()] tells. Data
#' sets and models stay in Python: R holds handles, which end with the R session.
#'
#' @section Which Python:
#' The one that the environment variable `RETICULATE_PYTHON` names, or else the one that reticulate
#' finds or makes, for which it needs a network. [cifar_doctor()] shows which one it is, and what it
#' lacks.
#'
#' @section When something is wrong:
#' Each error has a class of its own, see [pycifar_conditions].
#'
#' @importFrom rlang .data
#' @importFrom stats coef predict
#' @examplesIf pycifar:::python_ready()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, "cnn2", epochs = 1, seed = 1)
#' cifar_evaluate(model, dataset)
"_PACKAGE"
