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
#'   file from a stranger cannot do harm: it can bring no code of its own, and takes no more memory
#'   or time than `SECURITY.md` says.
#' @param sha256 The SHA-256 that the file must have, as 64 hexadecimal digits, for those who know
#'   which file they expect; `NULL` takes any.
#'
#' @return An object of class [cifar_trained_model].
#' @section Errors:
#' `pycifar_error_model_file` where there is no file, it is damaged, has another SHA-256 or pycifar
#' did not write it;
#' `pycifar_error_model_version` where a newer pycifar wrote it; `pycifar_error_argument`.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' path <- tempfile(fileext = ".keras")
#' cifar_save_model(model, path)
#' cifar_load_model(path)
cifar_load_model <- function(path, sha256 = NULL) {
  check_given("path")
  path <- one_value(path, "path", "a path")
  sha256 <- one_value(sha256, "sha256", "64 hexadecimal digits")
  new_trained_model(python_call("load_model", path, sha256))
}

#' Look at a model file without loading it
#'
#' Tells what a file holds, and whether [cifar_load_model()] would load it. The file may come from a
#' stranger: its weights are not read, and nothing is computed.
#'
#' @param path The file.
#'
#' @return An object of class `cifar_model_file`, a list of `loadable` and, where it is not,
#'   `problem`, the reason; `path`, `n_bytes` and `sha256` of the file; and what it says of itself,
#'   each `NULL` where that cannot be told: `architecture`, `class_names`, `epochs_done`,
#'   `fingerprint` (of the weights), `data`, `versions`, `image_shape` (height, width and 3, in
#'   pixels) and `parameters` (the number of weights).
#' @section Errors:
#' `pycifar_error_model_file` where there is no such file; `pycifar_error_argument`.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' path <- tempfile(fileext = ".keras")
#' cifar_save_model(model, path)
#' cifar_inspect_model(path)
cifar_inspect_model <- function(path) {
  check_given("path")
  found <- python_call("inspect_model", one_value(path, "path", "a path"))
  for (name in c("class_names", "image_shape")) {
    found[[name]] <- unlist(found[[name]])
  }
  structure(found, class = "cifar_model_file")
}

#' @export
format.cifar_model_file <- function(x, ...) {
  shown <- list(
    size = paste(format(x$n_bytes, big.mark = ","), "bytes"),
    `SHA-256` = x$sha256,
    network = x$architecture,
    parameters = if (!is.null(x$parameters)) format(x$parameters, big.mark = ","),
    images = if (!is.null(x$image_shape)) paste(describe_shape(x$image_shape[1:2]), "pixels"),
    classes = if (!is.null(x$class_names)) describe_classes(x$class_names, 14L),
    epochs = x$epochs_done,
    weights = x$fingerprint,
    data = if (!is.null(x$data)) encodeString(sprintf("%s (%s)", x$data$name, x$data$source)),
    versions = if (!is.null(x$versions)) {
      encodeString(paste(names(x$versions), unlist(x$versions), collapse = ", "))
    }
  )
  shown <- Filter(Negate(is.null), shown)
  verdict <- if (x$loadable) "can be loaded" else paste("cannot be loaded:", x$problem)
  c(
    encodeString(paste(x$path, verdict)),
    sprintf("%-14s%s", paste0(names(shown), ":"), vapply(shown, as.character, character(1L)))
  )
}

#' @export
print.cifar_model_file <- function(x, ...) {
  cat("<cifar_model_file> ", paste(format(x), collapse = "\n"), "\n", sep = "")
  invisible(x)
}
