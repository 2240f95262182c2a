#' Find a learning rate
#'
#' Trains a network for some steps and increases the learning rate with each step (Smith 2017). This
#' test ends early if the loss is no longer a finite number, or if the smoothed loss is more than 4
#' times its lowest value. Where the loss was lowest is near a good learning rate, but it depends on
#' the chance of few batches.
#'
#' So some short trainings follow, which begin with the same weights and see the same batches: the
#' trials. They have twice as many steps each, and learning rates that are a factor of 3 apart. The
#' first is at a third of the learning rate of the lowest smoothed loss. Others follow until there
#' are two below the best learning rate, and one above it that is clearly worse, or two. In each,
#' the learning rate rises for a tenth of the steps, and then falls to 0. With five trials, all
#' takes eleven times as long as the test by itself. The trained weights are not returned.
#'
#' The suggestion is the lowest point of a parabola through the losses of the best trial and its two
#' neighbours, over the logarithm of the learning rate. There is none if no trial learns more than
#' the noise of the batches, or if the loss is lowest at the lowest or the highest learning rate
#' that is allowed. With the default steps, the suggestions for all architectures on CIFAR-10 were
#' within a factor of 3 of the best learning rate.
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
#' @param steps The number of steps of the test, at least 10.
#' @param optimizer `"sgd"`, `"adam"`, `"adamw"`, `"rmsprop"` or `"muon"`.
#' @param seed A whole number from 0 to 2^31 - 1. It determines the initial weights, the order of
#'   the images, dropout and augmentation. `NULL` draws a seed.
#' @param verbose What to show of the progress. 0 or `FALSE`: nothing. 1, 2 or `TRUE`: all, if it
#'   takes long. The default is the option `pycifar.verbose`, as in [cifar_train()].
#' @param x The result of `cifar_find_learning_rate()`.
#' @param ... Not used.
#'
#' @return `cifar_find_learning_rate()` returns an object of class `cifar_learning_rates`, a list
#'   with
#'   * `architecture`: its name, or `"custom"`.
#'   * `table`: a tibble with one row per step and the columns `learning_rate`, `loss` (before the
#'     step) and `smoothed`. The smoothed loss is a mean of all losses so far, in which each loss
#'     has 0.9 times the weight of the next one.
#'   * `trials`: a tibble with one row per trial, from the lowest learning rate to the highest, and
#'     the columns `learning_rate` and `loss`: the mean over the last quarter of the trial, `Inf`
#'     where it diverged.
#'   * `suggestion`: a learning rate for a training. It is `NA` if the trials show none.
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
  verbose = verbosity(),
  ...
) {
  check_no_more("cifar_find_learning_rate", ...)
  check_given("dataset")
  progress <- new_progress()
  on.exit(progress$close())
  found <- rlang::inject(python_call(
    "find_learning_rate",
    live_handle(dataset, "dataset", "cifar_dataset"),
    architecture_to_python(architecture),
    write_line = progress$write_line,
    update_bar = progress$update_bar,
    lowest = one_value(lowest, "lowest", "a single number"),
    highest = one_value(highest, "highest", "a single number"),
    steps = one_value(steps, "steps", "a single number"),
    verbose = one_value(verbose, "verbose", "0, 1, 2, TRUE or FALSE"),
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
      trials = tibble::tibble(
        learning_rate = as.double(unlist(found$trials$learning_rate)),
        loss = as.double(unlist(found$trials$loss))
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
    sprintf(
      ", %d steps from %s to %s, %d trials",
      length(rates),
      rates[[1L]],
      rates[[length(rates)]],
      nrow(x$trials)
    )
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
