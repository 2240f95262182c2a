#' Save a trained model
#'
#' One file holds the network, its weights, the optimizer's state, and what pycifar knows beyond:
#' class names, settings, history, versions. pycifar in either language opens it, and so does plain
#' Keras. It is written beside its place and then renamed, so a failure leaves an existing file as
#' it was.
#'
#' @param model A model from [cifar_train()] or [cifar_load_model()].
#' @param path Where to, ending in `.keras`; the folder must exist.
#' @param overwrite Whether an existing file may be replaced.
#'
#' @return The path, invisibly.
#' @section Errors:
#' `pycifar_error_output_exists` where the file exists and `overwrite` is `FALSE`,
#' `pycifar_error_output` where it cannot be written, `pycifar_error_argument`, and
#' `pycifar_error_handle` after the R session of the model.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' path <- tempfile(fileext = ".keras")
#' cifar_save_model(model, path)
cifar_save_model <- function(model, path, overwrite = FALSE) {
  check_given(c("model", "path"))
  invisible(python_call(
    "save_model",
    live_handle(model, "model", "cifar_trained_model"),
    one_value(path, "path", "a path"),
    one_value(overwrite, "overwrite", "TRUE or FALSE")
  ))
}

#' Load a trained model
#'
#' @param path A file that [cifar_save_model()] wrote, or its counterpart in Python or the shell. A
#'   file from a stranger cannot bring code of its own: Keras's safe mode stays on.
#'
#' @return An object of class [cifar_trained_model].
#' @section Errors:
#' `pycifar_error_model_file` where there is no file, it is damaged or pycifar did not write it;
#' `pycifar_error_model_version` where a newer pycifar wrote it; `pycifar_error_argument`.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' path <- tempfile(fileext = ".keras")
#' cifar_save_model(model, path)
#' cifar_load_model(path)
cifar_load_model <- function(path) {
  check_given("path")
  path <- one_value(path, "path", "a path")
  new_trained_model(python_call("load_model", path))
}
