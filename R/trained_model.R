#' Trained models
#'
#' The result of [cifar_train()], [cifar_load_model()] and [cifar_adopt_model()].
#'
#' @details
#' A list with the class `cifar_trained_model`:
#'
#' * `handle`: the reference to the model in Python. In another session, it works from the first use
#'   of the model on.
#' * `kept`: an environment with the bytes of the file that [cifar_save_model()] would write. They
#'   make it possible to save the model with `saveRDS()` or `save.image()`, and to use it in another
#'   session. The model is then restored at its first use. This does not work for a model with
#'   layers that [cifar_load_model()] refuses or that Keras cannot save. Layers of your own classes
#'   must be registered with Keras in that session (`keras.saving.register_keras_serializable()`).
#'   [cifar_train()] and [cifar_save_model()] give a warning of class `pycifar_warning_unsaved`,
#'   since `saveRDS()` itself cannot. There is none for classes that are registered in this session:
#'   only the other session lacks them.
#' * `architecture`: the name of the architecture, or `"custom"`.
#' * `class_names`: the classes, in the order of the probabilities.
#' * `image_shape`: height and width in pixels, and 3.
#' * `resize`: how the image files of the training were resized, a list with `how` and `filter`, as
#'   the files are that the model is used on. `NULL` if the images came in their size, where files
#'   are squashed.
#' * `calibration`: what [cifar_calibrate()] found, a list. `NULL` if nothing was calibrated.
#' * `parameters`: the number of parameters.
#' * `config`: a list of all settings that the training used, including those from the recipe and
#'   the seed.
#' * `history`: a tibble with one row per value and the columns `epoch` (from 1), `split` (`"train"`
#'   or `"validation"`), `metric` (`"loss"`, `"accuracy"`, those asked for, or `"learning_rate"`,
#'   which is that of the last step) and `value`.
#' * `layers`: a tibble with one row per layer and the columns `layer`, `type`, `output_shape`
#'   (without the batch), `parameters` and `multiply_adds` (for the forward pass of one image).
#' * `data`: the name, the source and the fingerprint (SHA-256) of the training split. The
#'   fingerprint is empty for an adopted model, whose training images are not known.
#' * `seconds`: the duration of each epoch in seconds, including the validation.
#' * `epochs_done`: the number of finished epochs.
#' * `interrupted`: whether the user interrupted the training.
#' * `stopped_by`: the name of the callback that stopped the training by returning `FALSE`, such as
#'   `"on_epoch_end"`. `NULL` if none did.
#' * `best_epoch`: the epoch from which the weights are, if the best weights were restored. `NULL`
#'   if the model has the last weights.
#' * `versions`: the versions of pycifar, Keras, its backend, NumPy and Python.
#' * `fingerprint`: the fingerprint of the weights when this object was made; see
#'   [cifar_fingerprint()].
#'
#' The elements describe a model in Python, so they can be read, but not changed. To give the
#' classes other names, rename the levels of what [`predict()`][predict.cifar_trained_model]
#' returns, such as `levels(classes)[1] <- "aeroplane"`.
#'
#' `model$keras_model` is the Keras model in Python, as reticulate and the package keras3 use it. It
#' takes images with values of 0-255 as numbers, not raw as [cifar_images()] returns them. The
#' networks of pycifar multiply an image that was divided by 255 by it again: one with fractions and
#' nothing above 1. An image of nothing but 0 and 1 does not show whether it was divided, and is
#' taken as it is. The same holds for a network of your own with an input of uint8 that Keras can
#' copy, and for one from [cifar_adopt_model()] with `rescale`. Other networks of your own take
#' pixels of 0-255 alone. It is the model itself: weights that you set and layers that you freeze
#' are so for [cifar_evaluate()], [cifar_save_model()] and a training that goes on, but `saveRDS()`
#' keeps the model as it was made. For `"mlp_sigmoid"` and `"mlp_relu"` it is a Keras model with the
#' same weights, made anew each time.
#'
#' `print()` describes the model and shows its last loss and accuracy. `summary()` adds the layers
#' and the settings. `plot()` draws accuracy and loss against epochs.
#'
#' @section Features:
#' `model$handle$keras_model` is the network as a Keras model, for reticulate or keras3. Its layers
#' may compute in bfloat16 (`model$config$precision`), which R has not: an array of such numbers
#' stays an object of Python. A network that ends in a cast to float32 gives R numbers on every
#' machine; see the last example. `features$astype("float32")` converts an array that there is.
#'
#' @param x,object A trained model.
#' @param ... Not used.
#' @return `plot()` returns a ggplot. `summary()` returns an object whose `print()` method shows the
#'   summary. `print()` returns `x` invisibly.
#' @section Errors:
#' `pycifar_error_argument`: `plot()` was called and no epoch was finished.
#' @family models
#' @name cifar_trained_model
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 2, seed = 1, verbose = 0)
#' model
#' summary(model)
#' plot(model)
#'
#' # The features that the last layer is given
#' network <- model$keras_model
#' keras <- reticulate::import("keras")
#' layers <- network$layers
#' last <- layers[[length(layers)]]
#' values <- keras$ops$cast(last$input, "float32") # R has no bfloat16
#' features <- keras$Model(network$inputs, values)
#' images <- cifar_images(dataset, 1:100)
#' storage.mode(images) <- "integer"
#' dim(features$predict(images, verbose = 0L))
#'
#' # Train the last layer alone, then all of them
#' for (layer in layers) layer$trainable <- FALSE
#' last$trainable <- TRUE
#' head <- cifar_train(dataset, model, epochs = 1, verbose = 0)
#' for (layer in head$keras_model$layers) layer$trainable <- TRUE
#' whole <- suppressWarnings( # the optimizer starts anew for what was frozen
#'   cifar_train(dataset, head, epochs = 1, verbose = 0),
#'   classes = "pycifar_warning_optimizer"
#' )
NULL

#' @export
`$.cifar_trained_model` <- function(x, name) {
  if (identical(name, "keras_model")) {
    return(python_call("keras_model", live_handle(x, "model", "cifar_trained_model")))
  }
  .subset2(x, name)
}

#' Compute the fingerprint of a model's weights
#'
#' @param model A trained model: see [cifar_trained_model].
#' @inheritParams cifar_evaluate
#' @return The SHA-256 of the type, shape and values of all weights, as 64 hexadecimal digits. Two
#'   models have the same fingerprint if their weights are equal, bit for bit.
#' @section Errors:
#' * `pycifar_error_argument`: `model` is not a trained model.
#' * `pycifar_error_handle`: the R session of the model has ended.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' once <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' again <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' identical(cifar_fingerprint(once), cifar_fingerprint(again))
cifar_fingerprint <- function(model, ...) {
  check_no_more("cifar_fingerprint", ...)
  check_given("model")
  python_call("fingerprint", live_handle(model, "model", "cifar_trained_model"))
}

# Make a `cifar_trained_model` from a handle.
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
      resize = about$resize,
      calibration = about$calibration,
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
      stopped_by = about$stopped_by,
      versions = unlist(about$versions),
      fingerprint = about$fingerprint
    ),
    class = "cifar_trained_model"
  )
}

# Return the bytes of the file that cifar_save_model() would write, or NULL if Keras cannot write
# it. There was a warning of class `pycifar_warning_unsaved` then, before the training.
file_of <- function(handle) {
  tryCatch(
    python_call("model_file", handle),
    pycifar_error_argument = function(error) NULL
  )
}

# Free models that are no longer used. R does not know how much memory they take in Python, and
# would not collect them. gc() takes a moment, so it runs only once new models have more than a
# million parameters together.
free_models <- function() {
  if (bridge$parameters > 1e6) {
    gc()
    bridge$parameters <- 0
  }
}

#' @rdname cifar_trained_model
#' @export
print.cifar_trained_model <- function(x, ...) {
  check_no_more("print", ...)
  cat(sprintf(
    "<cifar_trained_model> %s, %s parameters\n",
    encodeString(x$architecture),
    with_commas(x$parameters)
  ))
  cat(sprintf("images:  %s pixels\n", describe_shape(x$image_shape)))
  cat(describe_resize(x))
  cat(describe_calibration(x$calibration))
  cat(sprintf("classes: %s\n", describe_classes(x$class_names)))
  if (!nzchar(x$data$fingerprint)) {
    cat("trained: elsewhere, and adopted\n")
    return(invisible(x))
  }
  cat(sprintf(
    "trained: on %s, %d of %d epochs%s%s%s, seed %d\n",
    encodeString(x$data$name),
    x$epochs_done,
    x$config$epochs,
    if (x$interrupted) " (interrupted)" else "",
    if (is.null(x$best_epoch)) "" else sprintf(" (weights of epoch %d)", x$best_epoch),
    if (is.null(x$stopped_by)) "" else sprintf(" (stopped by %s)", encodeString(x$stopped_by)),
    x$config$seed
  ))
  print_final_values(x)
  cat(describe_state(x))
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
  check_no_more("print", ...)
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

# Return the rows of the history for the epoch from which the weights are. There are none if no
# epoch was finished.
final_values <- function(model) {
  history <- model$history
  epoch <- if (is.null(model$best_epoch)) max(history$epoch, 0L) else model$best_epoch
  history[history$epoch == epoch, ]
}

# Print the final loss and accuracy, with one line for each split.
print_final_values <- function(model) {
  final <- final_values(model)
  for (split in unique(final$split)) {
    # The rate of the last step has no meaning for a reader, and is near 0.
    values <- final[final$split == split & final$metric != "learning_rate", ]
    cat(sprintf(
      "%s %s\n",
      format(paste0(split, ":"), width = 11L),
      paste(values$metric, sprintf("%.4f", values$value), collapse = ", ")
    ))
  }
}

# Describe a setting in one line: its value, or the names and values of its parts.
describe_setting <- function(value) {
  if (length(value) == 0L) {
    return("none")
  }
  if (is.list(value)) {
    return(paste(names(value), vapply(value, describe_setting, ""), collapse = ", "))
  }
  format(value, decimal.mark = ".")
}
