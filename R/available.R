#' Check whether pycifar can be used here
#'
#' For examples, tests and documents that are to pass where Python or CIFAR-10 is missing, which is
#' the usual case on another machine.
#'
#' @details
#' No data set is downloaded, and Keras is looked for but not loaded; [cifar_doctor()] tries it.
#' In a session that is not interactive, the answer is `FALSE` unless the environment variable
#' `RETICULATE_PYTHON` is set or Python runs already: reticulate might else make a Python of its
#' own, for which it needs a network.
#'
#' In an R Markdown document, `knitr::opts_chunk$set(eval = pycifar::cifar_available())` shows the
#' code without running it where it cannot run.
#'
#' @param source `NULL` for Python with Keras alone; or `"cifar10"` or `"synthetic"` for this data
#'   set, too. CIFAR-10 is looked for where the environment variable `PYCIFAR_DATA_DIR` points, or,
#'   where that is not set, in the user's cache.
#'
#' @return `TRUE` or `FALSE`; without Python `FALSE`, whatever the `source`.
#' @section Errors:
#' `pycifar_error_data_not_found` where `PYCIFAR_DATA_DIR` names a place that does not hold
#' CIFAR-10, `pycifar_error_unknown_name` for another `source`.
#' @family data sets
#' @export
#' @examples
#' if (cifar_available()) {
#'   source <- if (cifar_available("cifar10")) "cifar10" else "synthetic"
#'   cifar_load_dataset(source, n_train = 200, n_test = 100)
#' }
cifar_available <- function(source = NULL) {
  source <- one_value(source, "source", "the name of a data set")
  python_ready() && (is.null(source) || python_call("is_available", source))
}
