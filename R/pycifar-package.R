#' pycifar: train, evaluate and explain CIFAR-10 image classifiers
#'
#' Convolutional networks from R, for CIFAR-10 and for your own images.
#'
#' @section Get started:
#' 1. [cifar_load_dataset()] loads images: CIFAR-10, a synthetic data set that needs no network
#'    connection, a folder of image files, or arrays.
#' 2. [cifar_list_architectures()] lists the networks and their recipes. [cifar_build_model()]
#'    builds one of them. You can also use a network of your own. [cifar_find_learning_rate()]
#'    suggests a learning rate.
#' 3. [cifar_train()] trains a network for a number of epochs or, with `time_budget`, a number of
#'    seconds. `cifar_train(model, epochs = 5)` continues a trained model.
#' 4. [`predict()`][predict.cifar_trained_model] predicts the classes of new images: files, arrays
#'    or pictures of other packages. [cifar_evaluate()] measures how good a model is.
#'    [cifar_explain()] shows where a network looks. [cifar_extract_features()] gives what it makes
#'    of each image as numbers, for other packages.
#' 5. [cifar_save_model()] and [cifar_load_model()] save and load a model. Keras can load the file,
#'    too.
#'
#' The results have methods for `print()`, `summary()` and `plot()`. Models also have methods for
#' the [generics][cifar_generics] of tidymodels and ggplot2. [cifar_reproduce()] reproduces five
#' published systems.
#'
#' There are five vignettes: `vignette("pycifar")` is an introduction, `vignette("photographs")`
#' goes from a folder of photographs to a prediction, `vignette("own")` uses your own images and
#' networks, `vignette("reproduce")` is about the published systems, and
#' `vignette("understanding")` is about what a network sees.
#'
#' @section How it works:
#' The R package contains the Python package of the same name, which is based on Keras, and calls it
#' through reticulate. Python starts when it is first needed. The same call with the same seed gives
#' the same weights in R and in Python, bit for bit. Compare weights with [cifar_fingerprint()].
#'
#' Data sets stay in Python's memory. The R objects only refer to them. Models and data sets can be
#' saved with `saveRDS()` and used in another session, except for data sets made of arrays.
#'
#' @section Which Python is used:
#' The environment variable `RETICULATE_PYTHON` can name a Python. If it is not set, reticulate
#' finds a Python or creates an environment, which needs a network connection. [cifar_doctor()]
#' shows which Python is used and what it lacks. [cifar_available()] checks whether pycifar can be
#' used, for example in a document or a test.
#'
#' @section Errors:
#' Each error has its own class; see [pycifar_conditions]. For an error from Python,
#' `rlang::last_error()$traceback` shows Python's traceback.
#' @importFrom rlang .data
#' @importFrom stats coef predict
#' @importFrom utils head str tail
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, "cnn2", epochs = 1, seed = 1)
#' cifar_evaluate(model, dataset)
#' predict(model, dataset)[1:5]
"_PACKAGE"
