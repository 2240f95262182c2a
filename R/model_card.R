#' Write the card of a model
#'
#' Writes what a model is, what it learned from and how well it does, for others to read.
#'
#' @details
#' The card has the classes, data, settings and versions that the model file records, with
#' fingerprints, and lines for R, Python and the shell. With a data set it also has what is measured
#' on it: accuracy of each class, confusions, calibration, coverage of prediction sets, and the
#' wrong answers that the model was most sure of.
#'
#' @param model A model from [cifar_train()], [cifar_load_model()] or [cifar_adopt_model()].
#' @param path The file to write. `.md` is Markdown that begins with the metadata that hubs of
#'   models read. `.html` is one page with curves, plots and the images that went wrong inside; it
#'   needs the Python package matplotlib.
#' @param dataset A data set from [cifar_load_dataset()] with the classes of the model, to measure
#'   it on; `NULL` measures nothing.
#' @param split The name of the split to measure on; see [cifar_evaluate()].
#' @param overwrite Whether an existing file may be replaced.
#' @inheritParams cifar_evaluate
#'
#' @return The path, invisibly.
#' @section Errors:
#' * `pycifar_error_data`: there is no such split, or its classes are not those of the model.
#' * `pycifar_error_dependency`: the card is a page, and matplotlib is missing.
#' * `pycifar_error_image`: the images do not have the size that the model takes.
#' * `pycifar_error_output_exists`: the file exists and `overwrite` is `FALSE`.
#' * `pycifar_error_output`: the file cannot be written.
#' * `pycifar_error_argument`: another argument is not as described above.
#' * `pycifar_error_handle`: the R session of the model or the data set has ended.
#' @source Mitchell et al. (2019), *Model Cards for Model Reporting*,
#'   <https://arxiv.org/abs/1810.03993>.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' path <- tempfile(fileext = ".md")
#' cifar_model_card(model, path, dataset)
#' head(readLines(path), 20)
cifar_model_card <- function(model, path, dataset = NULL, split = "test", overwrite = FALSE, ...) {
  check_no_more("cifar_model_card", ...)
  check_given(c("model", "path"))
  path <- one_value(path, "path", "a path")
  if (is.character(path) && grepl("[.]html$", path, ignore.case = TRUE)) {
    declare_packages("matplotlib")
  }
  invisible(python_call(
    "write_model_card",
    live_handle(model, "model", "cifar_trained_model"),
    path,
    if (!is.null(dataset)) live_handle(dataset, "dataset", "cifar_dataset"),
    one_value(split, "split", "the name of a split"),
    one_value(overwrite, "overwrite", "TRUE or FALSE")
  ))
}
