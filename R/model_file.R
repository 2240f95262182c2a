#' Save a trained model
#'
#' Saves a model in one file. The file holds the network, its weights, the state of the optimizer,
#' the class names, the settings, the history and the versions. pycifar can load it in R and in
#' Python, and Keras can load it without pycifar. The file is written under a temporary name and
#' then renamed. If writing fails, an existing file is not changed.
#'
#' @param model A model from [cifar_train()] or [cifar_load_model()].
#' @param path The path of the file, ending in `.keras`. The folder must exist.
#' @param overwrite Whether an existing file may be replaced.
#' @param include_optimizer Whether the file holds the state of the optimizer, such as momenta,
#'   which may take more space than the weights. Without it, predictions are the same. A training
#'   that goes on from the file starts the optimizer anew, with a warning of class
#'   `pycifar_warning_optimizer`. If the optimizer was a Keras object of yours, it must be given
#'   again.
#' @inheritParams cifar_evaluate
#'
#' @return The path, invisibly.
#' @section Errors:
#' * `pycifar_error_output_exists`: the file exists and `overwrite` is `FALSE`.
#' * `pycifar_error_output`: the file cannot be written.
#' * `pycifar_error_argument`: another argument is not as described above.
#' * `pycifar_error_handle`: the R session of the model has ended.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' path <- tempfile(fileext = ".keras")
#' cifar_save_model(model, path)
cifar_save_model <- function(model, path, overwrite = FALSE, include_optimizer = TRUE, ...) {
  check_no_more("cifar_save_model", ...)
  check_given(c("model", "path"))
  invisible(python_call(
    "save_model",
    live_handle(model, "model", "cifar_trained_model"),
    one_value(path, "path", "a path"),
    one_value(overwrite, "overwrite", "TRUE or FALSE"),
    one_value(include_optimizer, "include_optimizer", "TRUE or FALSE")
  ))
}

#' Load a trained model
#'
#' Loads a model from a file, or one that is part of the package. `"fastnet-cifar10"` is part of the
#' package: `fastnet`, trained on CIFAR-10. It needs no download and no network.
#'
#' @param path A file that pycifar saved: [cifar_save_model()], or pycifar in Python or on the
#'   command line; or the name `"fastnet-cifar10"`. If there is a file of that name in the working
#'   directory, the file is loaded. Files from untrusted sources are safe to load. Such a file
#'   cannot run code of its own, and it cannot take more memory or time than `SECURITY.md` states.
#' @param sha256 The SHA-256 that the file must have, as 64 hexadecimal digits. `NULL` accepts any
#'   file.
#' @param custom_objects Your own classes and functions of Python that the file may ask for: layers,
#'   an optimizer, activations and the like. A list with the names that they have in the file, such
#'   as `list(MyLayer = MyLayer)`. That is the name of the class, or the registered name such as
#'   `"package>name"` if it was registered with Keras when the file was saved. Give only what you
#'   would run on any settings, because the settings are the file's.
#' @inheritParams cifar_evaluate
#'
#' @return An object of class [cifar_trained_model]. If the file has an optimizer of a class that is
#'   not known here, the model comes without it, with a warning of class
#'   `pycifar_warning_optimizer`.
#' @section Errors:
#' * `pycifar_error_model_file`: there is no such file, it is damaged, it has another SHA-256, or
#'   pycifar did not write it.
#' * `pycifar_error_model_version`: a newer pycifar wrote the file.
#' * `pycifar_error_argument`: an argument is not as described above.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' path <- tempfile(fileext = ".keras")
#' cifar_save_model(model, path)
#' cifar_load_model(path)
#'
#' # A photograph is predicted at once.
#' photo <- as.raster(matrix("skyblue", 40, 60))
#' predict(cifar_load_model("fastnet-cifar10"), photo)
cifar_load_model <- function(path, sha256 = NULL, custom_objects = NULL, ...) {
  check_no_more("cifar_load_model", ...)
  check_given("path")
  new_trained_model(python_call(
    "load_model",
    one_value(path, "path", "a path"),
    one_value(sha256, "sha256", "64 hexadecimal digits"),
    custom_objects_to_python(custom_objects)
  ))
}

# Return classes and functions of Python by name, in the form that Python takes.
custom_objects_to_python <- function(custom_objects, call = rlang::caller_env()) {
  if (length(custom_objects) == 0L) {
    return(NULL)
  }
  listed <- is.list(custom_objects) && !is.object(custom_objects)
  of_python <- listed && all(vapply(custom_objects, is_python_object, logical(1L)))
  if (!of_python || !all(nzchar(rlang::names2(custom_objects)))) {
    allowed <- "a list of Python classes and functions by name, such as list(MyLayer = MyLayer)"
    abort_argument("custom_objects", allowed, custom_objects, call)
  }
  check_names_differ(custom_objects, "custom_objects", call)
  custom_objects
}

#' Inspect a model file without loading it
#'
#' Shows what a model file holds, and whether [cifar_load_model()] would load it. The weights are
#' not read and nothing is computed, so the file may come from an untrusted source.
#'
#' @param path The path of the file, or the name of a model of the package; see
#'   [cifar_load_model()].
#' @inheritParams cifar_load_model
#' @inheritParams cifar_evaluate
#'
#' @return An object of class `cifar_model_file`, a list with
#'   * `loadable`: whether [cifar_load_model()] would load the file.
#'   * `problem`: why not, or `NULL` if the file is loadable.
#'   * `path`, `n_bytes` (the size) and `sha256` of the file.
#'   * `architecture`: the name of the network.
#'   * `class_names`: the classes, in the order of the probabilities.
#'   * `epochs_done`: the number of epochs that the model was trained for.
#'   * `fingerprint`: the fingerprint of the weights, as stated in the file.
#'   * `data`: the name, the source and the fingerprint of the training split.
#'   * `versions`: the versions of pycifar, Keras, its backend, NumPy and Python at the time of
#'     training.
#'   * `image_shape`: height and width in pixels, and 3.
#'   * `parameters`: the number of weights.
#'   * `resize`: how it resizes image files, a list with `how` and `filter`; see
#'     [cifar_trained_model].
#'
#'   An element is `NULL` if a problem with the file hides its value.
#' @section Errors:
#' * `pycifar_error_model_file`: there is no such file, or it cannot be read.
#' * `pycifar_error_argument`: an argument is not as described above.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' path <- tempfile(fileext = ".keras")
#' cifar_save_model(model, path)
#' cifar_inspect_model(path)
cifar_inspect_model <- function(path, custom_objects = NULL, ...) {
  check_no_more("cifar_inspect_model", ...)
  check_given("path")
  found <- python_call(
    "inspect_model",
    one_value(path, "path", "a path"),
    custom_objects_to_python(custom_objects)
  )
  for (name in c("class_names", "image_shape")) {
    found[[name]] <- unlist(found[[name]])
  }
  structure(found, class = "cifar_model_file")
}

#' @export
format.cifar_model_file <- function(x, ...) {
  shown <- list(
    size = paste(with_commas(x$n_bytes), "bytes"),
    `SHA-256` = x$sha256,
    network = x$architecture,
    parameters = if (!is.null(x$parameters)) with_commas(x$parameters),
    images = if (!is.null(x$image_shape)) paste(describe_shape(x$image_shape[1:2]), "pixels"),
    resize = if (!is.null(x$resize)) paste(x$resize$how, x$resize$filter, sep = ", "),
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
  check_no_more("print", ...)
  cat("<cifar_model_file> ", paste(format(x), collapse = "\n"), "\n", sep = "")
  invisible(x)
}
