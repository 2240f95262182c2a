#' Check whether pycifar can be used here
#'
#' Use this in examples, tests and documents that must also run on machines without Python or
#' CIFAR-10.
#'
#' @details
#' The function does not download a data set. It looks for Keras but does not import it.
#' [cifar_doctor()] tests whether Keras can be imported.
#'
#' In a non-interactive session the result is `FALSE`, unless the environment variable
#' `RETICULATE_PYTHON` is set or Python is already running. Otherwise reticulate might create a
#' Python environment, which needs a network connection.
#'
#' In an R Markdown document, `knitr::opts_chunk$set(eval = pycifar::cifar_available())` shows the
#' code without running it if pycifar cannot be used.
#'
#' @param source What to check besides Python with Keras. `NULL` checks nothing else. `"cifar10"` or
#'   `"synthetic"` also checks that this data set can be loaded without a download. CIFAR-10 is
#'   looked for in the place that the environment variable `PYCIFAR_DATA_DIR` names. If it is not
#'   set, CIFAR-10 is looked for in the user's cache folder.
#' @inheritParams cifar_evaluate
#'
#' @return `TRUE` or `FALSE`. Without Python it is `FALSE` for every `source`.
#' @section Errors:
#' * `pycifar_error_data_not_found`: `PYCIFAR_DATA_DIR` names a place that does not hold CIFAR-10.
#' * `pycifar_error_unknown_name`: `source` is another name.
#' @family data sets
#' @export
#' @examples
#' if (cifar_available()) {
#'   source <- if (cifar_available("cifar10")) "cifar10" else "synthetic"
#'   cifar_load_dataset(source, n_train = 200, n_test = 100)
#' }
cifar_available <- function(source = NULL, ...) {
  check_no_more("cifar_available", ...)
  source <- one_value(source, "source", "the name of a data set")
  python_ready() && (is.null(source) || python_call("is_available", source))
}
