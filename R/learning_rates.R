#' Find a learning rate
#'
#' Trains a network for some steps and increases the learning rate with each step (Smith 2017). The
#' search ends early if the loss is no longer a finite number, or if the smoothed loss is more than
#' 4 times its lowest value. The trained weights are not returned.
#'
#' The smoothed loss falls to its lowest value as the learning rate rises. The suggestion is a third
#' of the learning rate at which 95% of this fall are done. The first tenth of the steps and the
#' last twentieth are left out. There is no suggestion if the fall is not clearly larger than the
#' noise of the batches, or if the loss still falls at the highest learning rate. With the default
#' steps, most suggestions are within a factor of 3 of the best learning rate.
#'
#' An argument that is `NULL` takes its value from the recipe of the architecture, as in
#' [cifar_train()].
#'
#' @inheritParams cifar_train
#' @param dataset A data set from [cifar_load_dataset()].
#' @param architecture A name, a function or a model, as in [cifar_train()]. A copy of a model that
#'   you give is trained.
#' @param lowest The learning rate of the first step, above 0.
#' @param highest The learning rate of the last step, above `lowest`.
#' @param steps The number of steps, at least 10.
#' @param optimizer `"sgd"`, `"adam"`, `"adamw"`, `"rmsprop"` or `"muon"`.
#' @param seed A whole number from 0 to 2^31 - 1. It determines the initial weights, the order of
#'   the images, dropout and augmentation. `NULL` draws a seed.
#' @param x The result of `cifar_find_learning_rate()`.
#' @param ... Not used.
#'
#' @return `cifar_find_learning_rate()` returns an object of class `cifar_learning_rates`, a list
#'   with
#'   * `architecture`: its name, or `"custom"`.
#'   * `table`: a tibble with one row per step and the columns `learning_rate`, `loss` (before the
#'     step) and `smoothed`. The smoothed loss is a mean of all losses so far, in which each loss
#'     has 0.9 times the weight of the next one.
#'   * `suggestion`: a learning rate for a training. It is `NA` if the losses show none.
#'   * `reason`: why there is no suggestion. It is `NA` if there is one.
#'
#'   `plot()` and [ggplot2::autoplot()] return a ggplot. `format()` returns lines of text, and
#'   `print()` returns `x` invisibly.
#' @section Errors:
#' * `pycifar_error_argument`: an argument is not as described above, or the model is compiled with
#'   an optimizer that has a schedule of its own.
#' * `pycifar_error_data`: the data set has no training images.
#' * `pycifar_error_handle`: the R session of the data set has ended, and it cannot be
#'   restored.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' found <- cifar_find_learning_rate(dataset, "cnn2", steps = 20, seed = 1)
#' found
#' plot(found)
cifar_find_learning_rate <- function(
  dataset,
  architecture = "cnn2",
  lowest = 1e-6,
  highest = 10,
  steps = 100,
  batch_size = NULL,
  optimizer = NULL,
  weight_decay = NULL,
  momentum = NULL,
  label_smoothing = NULL,
  precision = "auto",
  augmentation = NULL,
  seed = NULL,
  loss = NULL,
  ...
) {
  check_no_more("cifar_find_learning_rate", ...)
  check_given("dataset")
  found <- rlang::inject(python_call(
    "find_learning_rate",
    live_handle(dataset, "dataset", "cifar_dataset"),
    architecture_to_python(architecture),
    lowest = one_value(lowest, "lowest", "a single number"),
    highest = one_value(highest, "highest", "a single number"),
    steps = one_value(steps, "steps", "a single number"),
    !!!settings_to_python(environment())
  ))
  structure(
    list(
      architecture = found$architecture,
      table = tibble::tibble(
        learning_rate = as.double(unlist(found$table$learning_rate)),
        loss = as.double(unlist(found$table$loss)),
        smoothed = as.double(unlist(found$table$smoothed))
      ),
      suggestion = if (is.null(found$suggestion)) NA_real_ else found$suggestion,
      reason = if (is.null(found$reason)) NA_character_ else found$reason
    ),
    class = "cifar_learning_rates"
  )
}

#' @rdname cifar_find_learning_rate
#' @export
format.cifar_learning_rates <- function(x, ...) {
  rates <- format_rate(x$table$learning_rate)
  searched <- if (nrow(x$table) > 0L) {
    sprintf(", %d steps from %s to %s", length(rates), rates[[1L]], rates[[length(rates)]])
  }
  c(paste0("<cifar_learning_rates> ", x$architecture, searched), format_suggestion(x))
}

#' @rdname cifar_find_learning_rate
#' @export
print.cifar_learning_rates <- function(x, ...) {
  check_no_more("print", ...)
  cat(format(x), sep = "\n")
  invisible(x)
}

#' @rdname cifar_find_learning_rate
#' @export
plot.cifar_learning_rates <- function(x, ...) {
  check_no_more("plot", ...)
  if (nrow(x$table) == 0L) {
    abort_pycifar(
      "argument",
      "There is nothing to draw: the loss was never a finite number."
    )
  }
  plot_learning_rates(x)
}

# Return the suggestion in words, or why there is none.
format_suggestion <- function(found) {
  if (is.na(found$suggestion)) {
    paste0("no suggestion, because ", found$reason)
  } else {
    paste("suggestion", format_rate(found$suggestion))
  }
}

# Format learning rates with two significant digits.
format_rate <- function(rate) {
  sprintf("%.2g", rate)
}
