#' Find a learning rate that suits
#'
#' A network is trained for some steps, each at a higher rate than the one before, until the loss
#' breaks away (Smith 2017). What is trained is thrown away. What is `NULL` takes the value of the
#' architecture's recipe, as in [cifar_train()].
#'
#' @inheritParams cifar_train
#' @param dataset A data set from [cifar_load_dataset()].
#' @param architecture As in [cifar_train()]; a model that is given is trained in place.
#' @param lowest The rate of the first step, above 0.
#' @param highest The rate of the last step, above `lowest`.
#' @param steps How many, at least 10.
#' @param optimizer `"sgd"`, `"adam"`, `"adamw"`, `"rmsprop"` or `"muon"`.
#' @param seed Fixes weights, order, dropout and augmentation; a whole number from 0 to 2^31 - 1.
#'   `NULL` draws one.
#' @param x What `cifar_find_learning_rate()` returned.
#' @param ... Not used.
#'
#' @return An object of class `cifar_learning_rates`, a list of `architecture`; `table`, a tibble
#'   with one row a step, of `learning_rate`, `loss` before the step, and `smoothed`, a mean of the
#'   losses so far in which each counts 0.9 times as much as the one after it; and `suggestion`, the
#'   rate at which the smoothed loss fell the most, or `NA` where it never fell. `plot()` and
#'   [ggplot2::autoplot()]: a ggplot.
#' @section Errors:
#' `pycifar_error_argument`, `pycifar_error_data`, and `pycifar_error_handle` after the R session of
#' the data set.
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
  seed = NULL
) {
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
      suggestion = if (is.null(found$suggestion)) NA_real_ else found$suggestion
    ),
    class = "cifar_learning_rates"
  )
}

#' @rdname cifar_find_learning_rate
#' @export
format.cifar_learning_rates <- function(x, ...) {
  if (nrow(x$table) == 0L) {
    return("<cifar_learning_rates> the loss was never a finite number")
  }
  rates <- format_rate(range(x$table$learning_rate))
  c(
    sprintf(
      "<cifar_learning_rates> %s, %d steps from %s to %s",
      x$architecture,
      nrow(x$table),
      rates[[1L]],
      rates[[2L]]
    ),
    if (is.na(x$suggestion)) {
      "The loss fell at none of them."
    } else {
      sprintf("suggestion: %s, where the loss fell most", format_rate(x$suggestion))
    }
  )
}

#' @rdname cifar_find_learning_rate
#' @export
print.cifar_learning_rates <- function(x, ...) {
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

format_rate <- function(rate) {
  trimws(formatC(rate, digits = 2L, format = "g"))
}
