#' Errors, warnings and messages of pycifar
#'
#' Each condition that pycifar signals has its own class. A program can catch it by this class with
#' [tryCatch()] or [withCallingHandlers()]. The message says what is wrong, what is allowed and what
#' was received. If there is a way to fix the problem, a bullet below the message says how.
#'
#' @section Errors:
#' An error has its own class, then the classes above it in this list, then `pycifar_error`:
#'
#' * `pycifar_error_argument`: an argument has a wrong type or value.
#'     * `pycifar_error_unknown_name`: a name is not one of the allowed names.
#'     * `pycifar_error_unknown_argument`: a function has no argument of that name.
#'     * `pycifar_error_objective`: a loss or a metric cannot be computed, such as a function that
#'       you gave.
#' * `pycifar_error_data`: images or labels cannot be used.
#'     * `pycifar_error_data_not_found`: a data set or an image file was not found.
#'     * `pycifar_error_data_format`: a file is incomplete, damaged or in another format.
#'     * `pycifar_error_image`: images have a wrong shape, type or range.
#'     * `pycifar_error_download`: a download failed, or the file has a wrong checksum.
#'     * `pycifar_error_weights`: pretrained weights are not on this machine, or others than they
#'       should be.
#' * `pycifar_error_model_file`: a saved model cannot be read.
#'     * `pycifar_error_model_version`: a saved model was written by a newer pycifar.
#' * `pycifar_error_output`: a file cannot be written.
#'     * `pycifar_error_output_exists`: a file exists already, and overwriting is not allowed.
#' * `pycifar_error_training`: the training cannot continue. The field `model` holds the model as
#'   trained so far.
#'     * `pycifar_error_divergence`: the loss is no longer a finite number. The model has weights
#'       from when the loss was still finite. They are at most 100 steps old.
#'     * `pycifar_error_callback`: a function that you gave failed. It is a callback or builds a
#'       network. For a function that builds a network, `model` is `NULL`.
#'     * `pycifar_error_checkpoint` (also a `pycifar_error_output`): a checkpoint cannot be written,
#'       or does not belong to this training.
#'     * `pycifar_error_images_changed` (also a `pycifar_error_data`): images that are not in memory
#'       have changed or are gone since they were loaded.
#' * `pycifar_error_handle`: a data set or model belongs to an R session that has ended, and cannot
#'   be restored.
#' * `pycifar_error_forked`: this R process was forked from one in which Python was already running.
#' * `pycifar_error_dependency`: Python, Keras or one of its backends is missing.
#' * `pycifar_error_export`: a format cannot hold a model, or its runtime computes something else.
#' * `pycifar_error_serving`: a server cannot start, such as on a port that is in use.
#' * `pycifar_error_internal`: an internal error of pycifar. Please report it.
#'
#' If an R function that you gave failed, the field `parent` holds its condition, with its class and
#' fields. The field `fix` holds the text of the bullet, or `NULL`. For an error from Python, the
#' field `traceback` holds Python's traceback. It is not printed.
#'
#' @section Warnings:
#' A warning has its own class, then `pycifar_warning`:
#'
#' * `pycifar_warning_interrupted`: the training was interrupted. The model is as trained so far.
#' * `pycifar_warning_time_budget`: the time budget was too short for one pass over the training
#'   images, or for all layers to learn after the frozen epochs.
#' * `pycifar_warning_frozen`: the training was stopped while the last layer learned alone.
#' * `pycifar_warning_checkpoint`: a checkpoint was made in a different environment. The difference
#'   does not change the weights.
#' * `pycifar_warning_backend`: the backend of Keras is slower than it could be, or its results
#'   differ in the last bits.
#' * `pycifar_warning_unsaved`: a model has a layer that Keras cannot save, that no file may ask
#'   for, or whose class is yours and not registered with Keras. Another R session has the model, or
#'   its optimizer, only as the message says.
#' * `pycifar_warning_skipped`: files, folders or images were passed over, because they hold no
#'   image that can be read. The message names them.
#' * `pycifar_warning_resize`: the images of a data set were resized in another way than those that
#'   the model learned from.
#' * `pycifar_warning_cache`: a cache of images was written anew, because image files have changed,
#'   it is damaged, or another version of pycifar wrote it.
#' * `pycifar_warning_data`: a data set can be used, but what is learned or measured on it may say
#'   little: pictures are in the training split and in another one, or a class has one training
#'   image.
#' * `pycifar_warning_optimizer`: a model is continued with other trainable layers than before, and
#'   the optimizer starts anew for their weights; or a model was loaded without its optimizer, or
#'   without the state of it.
#'
#' @section Messages:
#' * `pycifar_message_progress`: a finished epoch; see `verbose` in [cifar_train()]. The field
#'   `epoch` holds its number, and `metrics` a named list of numbers, such as `val_accuracy`. Other
#'   lines of progress have the class as well, without these fields.
#' @name pycifar_conditions
#' @examplesIf cifar_available()
#' tryCatch(
#'   cifar_build_model("cnn3"),
#'   pycifar_error_unknown_name = function(error) conditionMessage(error)
#' )
NULL

# Signal an error. `kinds` are the classes without the prefix, the most specific first. `call` is
# the frame of the exported function. cli gets the texts as values, so braces in them have no
# meaning.
abort_pycifar <- function(kinds, message, fix = NULL, call = rlang::caller_env(), ...) {
  cli::cli_abort(
    c("{message}", i = if (!is.null(fix)) "{fix}"),
    class = c(paste0("pycifar_error_", kinds), "pycifar_error"),
    call = call,
    fix = fix,
    ...
  )
}

# Signal an error that Python returned as data.
abort_from_python <- function(answer, call) {
  abort_pycifar(
    answer$kinds,
    answer$message,
    fix = answer$fix,
    call = call,
    traceback = answer$traceback,
    parent = if (any(c("callback", "objective") %in% answer$kinds)) bridge$failed,
    model = if (!is.null(answer$model)) new_trained_model(answer$model)
  )
}

# Signal the warnings that Python returned as data.
warn_from_python <- function(warnings, call) {
  for (warning in warnings) {
    cli::cli_warn(
      "{warning$message}",
      class = c(paste0("pycifar_warning_", warning$kind), "pycifar_warning"),
      call = call
    )
  }
}
