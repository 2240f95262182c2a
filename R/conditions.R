#' Errors, warnings and messages of pycifar
#'
#' Each condition that pycifar signals has a class of its own, so that a program can tell it from
#' others with [tryCatch()] or [withCallingHandlers()]. The message says what is wrong, what is
#' allowed and what was received; where there is something to do about it, a bullet says what.
#'
#' @section Errors:
#' An error has the class of its kind, then those of the kinds above it, then `pycifar_error`:
#'
#' * `pycifar_error_argument`: an argument has a wrong type or value.
#'     * `pycifar_error_unknown_name`: a name is not in the list of allowed names.
#' * `pycifar_error_data`: images or labels cannot be used.
#'     * `pycifar_error_data_not_found`: there is no data set where it was looked for.
#'     * `pycifar_error_data_format`: a file misses parts, is truncated, or has another format.
#'     * `pycifar_error_image`: images have a wrong shape, type or range.
#'     * `pycifar_error_download`: the download failed, or its checksum does not hold.
#' * `pycifar_error_model_file`: a saved model cannot be read.
#'     * `pycifar_error_model_version`: a saved model was written by a newer pycifar.
#' * `pycifar_error_output`: a file cannot be written.
#'     * `pycifar_error_output_exists`: a file exists, and overwriting it was not asked for.
#' * `pycifar_error_training`: training cannot go on. The field `model` holds the model as far as it
#'   came.
#'     * `pycifar_error_divergence`: the loss is no finite number any more. The model has the last
#'       weights, at most 100 steps old, with which it was.
#'     * `pycifar_error_callback`: a function that you gave failed: a callback, or one that makes a
#'       network, where `model` is `NULL`.
#'     * `pycifar_error_checkpoint` (a `pycifar_error_output`, too): a checkpoint cannot be made, or
#'       does not fit.
#' * `pycifar_error_handle`: a data set or model is from an R session that has ended.
#' * `pycifar_error_forked`: this R process was forked from one in which Python runs already.
#' * `pycifar_error_dependency`: Python, Keras or one of its backends is missing.
#' * `pycifar_error_internal`: something that should not happen; please report it.
#'
#' The field `fix` holds the bullet, or `NULL`. An error that Python raised keeps Python's account
#' of it in the field `traceback`, which is not printed.
#'
#' @section Warnings:
#' Each has the class `pycifar_warning` as well.
#'
#' * `pycifar_warning_interrupted`: training was interrupted; the model holds what was learned until
#'   then.
#' * `pycifar_warning_time_budget`: a time budget was too short for one pass over the training
#'   images.
#' * `pycifar_warning_checkpoint`: a checkpoint was made elsewhere, which changes no weights.
#' * `pycifar_warning_backend`: Keras's backend computes more slowly than it could.
#' * `pycifar_warning_unsaved`: a model with a layer that Keras cannot write ends with the R
#'   session.
#'
#' @section Messages:
#' * `pycifar_message_progress`: the line about a finished epoch, see `verbose` in [cifar_train()].
#'
#' @name pycifar_conditions
#' @examplesIf cifar_available()
#' tryCatch(
#'   cifar_build_model("cnn3"),
#'   pycifar_error_unknown_name = function(error) conditionMessage(error)
#' )
NULL

# Signal an error of pycifar. `kinds` go from the most specific to the most general; `call` is the
# frame of the exported function. The texts are values to cli: braces in them mean nothing.
abort_pycifar <- function(kinds, message, fix = NULL, call = rlang::caller_env(), ...) {
  cli::cli_abort(
    c("{message}", i = if (!is.null(fix)) "{fix}"),
    class = c(paste0("pycifar_error_", kinds), "pycifar_error"),
    call = call,
    fix = fix,
    ...
  )
}

# Signal an error that came from Python as data.
abort_from_python <- function(answer, call) {
  abort_pycifar(
    answer$kinds,
    answer$message,
    fix = answer$fix,
    call = call,
    traceback = answer$traceback,
    model = if (!is.null(answer$model)) new_trained_model(answer$model)
  )
}

# Signal the warnings that came from Python as data.
warn_from_python <- function(warnings, call) {
  for (warning in warnings) {
    cli::cli_warn(
      "{warning$message}",
      class = c(paste0("pycifar_warning_", warning$kind), "pycifar_warning"),
      call = call
    )
  }
}
