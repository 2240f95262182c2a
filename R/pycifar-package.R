#' pycifar: train, evaluate and explain CIFAR-10 image classifiers
#'
#' Convolutional networks for CIFAR-10, and for your own images, from R.
#'
#' @section From images to a classifier:
#' 1. [cifar_load_dataset()] brings images: CIFAR-10, a data set drawn by code that needs no
#'    network, a folder of yours with one folder of files a class, or arrays.
#' 2. [cifar_list_architectures()] names the networks with their recipes; [cifar_build_model()]
#'    shows one, and a network of your own will do as well. [cifar_find_learning_rate()] looks for
#'    a learning rate.
#' 3. [cifar_train()] trains: for so many epochs, or as well as so many seconds allow
#'    (`time_budget`). A model goes on learning with `cifar_train(model, epochs = 5)`.
#' 4. [`predict()`][predict.cifar_trained_model] names the classes of new images, given as files,
#'    arrays or pictures of other packages; [cifar_evaluate()] measures; [cifar_explain()] shows
#'    where a network looks.
#' 5. [cifar_save_model()] and [cifar_load_model()] keep a model in one file, which Keras opens,
#'    too.
#'
#' `print()`, `summary()` and `plot()` show what each of these returns, and the
#' [generics][cifar_generics] of the tidymodels and of ggplot2 know models, too.
#' [cifar_reproduce()] brings back five published systems.
#'
#' The vignettes tell more: `vignette("pycifar")` is the tour, `vignette("own")` is about your own
#' images and networks, `vignette("reproduce")` about the published systems, and
#' `vignette("understanding")` about what a network sees.
#'
#' @section How it works:
#' The work is done by the Python package of the same name, with Keras. This package carries it and
#' calls it through reticulate; Python starts when it is first needed. The same call with the same
#' seed gives the same weights in both languages, bit for bit; [cifar_fingerprint()] tells. Data
#' sets stay in Python: R holds handles to them, which end with the R session. A model is kept with
#' all that `saveRDS()` needs to have it in another session.
#'
#' @section Which Python:
#' The one that the environment variable `RETICULATE_PYTHON` names, or else the one that reticulate
#' finds or makes, for which it needs a network. [cifar_doctor()] shows which one it is, and what it
#' lacks; [cifar_available()] tells a document or a test whether it can be used.
#'
#' @section When something is wrong:
#' Each error has a class of its own, see [pycifar_conditions]; what Python said about it is in the
#' field `traceback`, so that `rlang::last_error()$traceback` shows it.
#'
#' @importFrom rlang .data
#' @importFrom stats coef predict
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, "cnn2", epochs = 1, seed = 1)
#' cifar_evaluate(model, dataset)
#' predict(model, dataset)[1:5]
"_PACKAGE"
