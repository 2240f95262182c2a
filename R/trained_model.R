#' A trained model
#'
#' What [cifar_train()] and [cifar_load_model()] return.
#'
#' @details
#' A list with the class `cifar_trained_model`:
#'
#' * `handle`: the model itself, in Python. It ends with the R session.
#' * `kept`: an environment that holds the bytes of the file that [cifar_save_model()] writes. With
#'   `saveRDS()` and `readRDS()`, or `save.image()`, a model thus works in another session, too,
#'   where its first use makes it anew. It does not where it has layers that [cifar_load_model()]
#'   refuses, or that Keras cannot write: then a warning of class `pycifar_warning_unsaved` tells.
#' * `architecture`: its name, or `"custom"`.
#' * `class_names`, `image_shape` (height, width, 3, in pixels) and `parameters` (their number).
#' * `config`: the settings of the training, all of them settled, the seed among them.
#' * `history`: a tibble with one row a value: `epoch` (from 1), `split` (`"train"` or
#'   `"validation"`), `metric` (`"loss"` or `"accuracy"`) and `value`.
#' * `layers`: a tibble of `layer`, `type`, `output_shape`, `parameters` and `multiply_adds` (of
#'   one image on its way forward).
#' * `data`: name, source and SHA-256 of what it was trained on.
#' * `seconds`: the duration of each epoch; `epochs_done`: how many were finished; `interrupted`:
#'   whether the training was cut short by the user.
#' * `best_epoch`: the epoch whose weights it has, where the best ones were kept; else `NULL`.
#' * `versions`: of pycifar, Keras, its backend, NumPy and Python.
#' * `fingerprint`: SHA-256 over all weights, as they were when this object was made.
#'
#' `print()` says what it is and how well it did, `summary()` adds layers and settings, and `plot()`
#' draws accuracy and loss against epochs.
#'
#' @param x,object A trained model.
#' @param ... Not used.
#' @return `plot()`: a ggplot. `summary()`: an object that prints as described. `print()`: `x`,
#'   invisibly.
#' @section Errors:
#' `plot()`: `pycifar_error_argument` where no epoch was finished.
#' @family models
#' @name cifar_trained_model
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 2, seed = 1, verbose = 0)
#' model
#' summary(model)
#' plot(model)
NULL

#' Fingerprint of a model's weights
#'
#' @param model A model from [cifar_train()] or [cifar_load_model()].
#' @return SHA-256 over the type, shape and values of all weights, as 64 hexadecimal digits. Two
#'   models have the same fingerprint when their weights are equal bit for bit.
#' @section Errors:
#' `pycifar_error_argument`, or `pycifar_error_handle` after the R session of the model.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' once <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' again <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' identical(cifar_fingerprint(once), cifar_fingerprint(again))
cifar_fingerprint <- function(model) {
  check_given("model")
  python_call("fingerprint", live_handle(model, "model", "cifar_trained_model"))
}

new_trained_model <- function(handle) {
  about <- python_call("describe_model", handle)
  bridge$parameters <- bridge$parameters + about$parameters
  structure(
    list(
      handle = handle,
      kept = rlang::env(rlang::empty_env(), file = file_of(handle)),
      architecture = about$architecture,
      class_names = as_column(about$class_names),
      image_shape = unlist(about$image_shape),
      parameters = about$parameters,
      config = about$config,
      history = tibble::tibble(
        epoch = as.integer(unlist(about$history$epoch)),
        split = as.character(unlist(about$history$split)),
        metric = as.character(unlist(about$history$metric)),
        value = as.double(unlist(about$history$value))
      ),
      layers = as_table(about$layers),
      data = about$data,
      seconds = as.double(unlist(about$seconds)),
      epochs_done = about$epochs_done,
      interrupted = about$interrupted,
      best_epoch = about$best_epoch,
      versions = unlist(about$versions),
      fingerprint = about$fingerprint
    ),
    class = "cifar_trained_model"
  )
}

# The bytes of a model's file; NULL with a warning where Keras cannot write it.
file_of <- function(handle) {
  tryCatch(
    python_call("model_file", handle),
    pycifar_error_argument = function(error) {
      cli::cli_warn(
        c(
          "This model cannot be saved, and so ends with the R session.",
          x = "{error$message}",
          i = "{error$fix}"
        ),
        class = "pycifar_warning_unsaved"
      )
      NULL
    }
  )
}

# Let go of the models that nobody has any more: R does not see how much memory they take in Python,
# and would not look for them. Looking takes a moment, so small ones wait for others.
free_models <- function() {
  if (bridge$parameters > 1e6) {
    gc()
    bridge$parameters <- 0
  }
}

#' @rdname cifar_trained_model
#' @export
print.cifar_trained_model <- function(x, ...) {
  cat(sprintf(
    "<cifar_trained_model> %s, %s parameters\n",
    encodeString(x$architecture),
    format(x$parameters, big.mark = ",")
  ))
  cat(sprintf("images:  %s pixels\n", describe_shape(x$image_shape)))
  cat(sprintf("classes: %s\n", describe_classes(x$class_names)))
  cat(sprintf(
    "trained: on %s, %d of %d epochs%s%s, seed %d\n",
    encodeString(x$data$name),
    x$epochs_done,
    x$config$epochs,
    if (x$interrupted) " (interrupted)" else "",
    if (is.null(x$best_epoch)) "" else sprintf(" (weights of epoch %d)", x$best_epoch),
    x$config$seed
  ))
  print_final_values(x)
  invisible(x)
}

#' @rdname cifar_trained_model
#' @export
summary.cifar_trained_model <- function(object, ...) {
  check_no_more("summary", ...)
  structure(list(model = object), class = "summary_cifar_trained_model")
}

#' @export
print.summary_cifar_trained_model <- function(x, ...) {
  model <- x$model
  print(model)
  cat("\nLayers\n")
  print(as.data.frame(model$layers), row.names = FALSE, right = FALSE)
  cat("\nSettings\n")
  settings <- encodeString(vapply(model$config, describe_setting, character(1L)))
  cat(sprintf("%s %s\n", format(paste0(names(settings), ":")), settings), sep = "")
  cat(sprintf("\nWeights: %s\n", model$fingerprint))
  invisible(x)
}

#' @rdname cifar_trained_model
#' @export
plot.cifar_trained_model <- function(x, ...) {
  check_no_more("plot", ...)
  if (nrow(x$history) == 0L) {
    abort_pycifar("argument", "The history of `x` is empty: no epoch was finished.")
  }
  plot_history(x)
}

# The rows of the epoch that the weights are of; none where no epoch was finished.
final_values <- function(model) {
  history <- model$history
  epoch <- if (is.null(model$best_epoch)) max(history$epoch, 0L) else model$best_epoch
  history[history$epoch == epoch, ]
}

print_final_values <- function(model) {
  final <- final_values(model)
  for (split in unique(final$split)) {
    values <- final[final$split == split, ]
    cat(sprintf(
      "%s %s\n",
      format(paste0(split, ":"), width = 11L),
      paste(values$metric, sprintf("%.4f", values$value), collapse = ", ")
    ))
  }
}

# A setting in one line: its value, or the values of its parts.
describe_setting <- function(value) {
  if (length(value) == 0L) {
    return("none")
  }
  if (is.list(value)) {
    return(paste(names(value), vapply(value, format, character(1L)), collapse = ", "))
  }
  format(value)
}
