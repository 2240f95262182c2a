#' Evaluate a model on a data set
#'
#' @param model A model from [cifar_train()] or [cifar_load_model()].
#' @param dataset A data set from [cifar_load_dataset()] with the classes of the model, in the same
#'   order.
#' @param split The name of the split. `"validation"` is the share of the training split that the
#'   training held out (`validation = 0.1`), if the data set has no split of that name. The model
#'   and its file keep which images these are. The data set must have the training images of the
#'   model, in their order.
#' @param tta Whether to use test-time augmentation; see [predict.cifar_trained_model()].
#' @param ... Not used. An argument of another name is an error, which names the right one.
#'
#' @return An object of class [cifar_evaluation].
#' @section Errors:
#' * `pycifar_error_data`: there is no such split, or its classes are not those of the model; or
#'   `"validation"` is asked for with another data set than the model was trained on.
#' * `pycifar_error_image`: the images do not have the size that the model takes.
#' * `pycifar_error_argument`: another argument is not as described above.
#' * `pycifar_error_handle`: the R session of the model or the data set has ended, and it cannot be
#'   restored.
#' @source Calibration error: Guo et al. (2017), *On Calibration of Modern Neural Networks*,
#'   <https://arxiv.org/abs/1706.04599>.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' cifar_evaluate(model, dataset)
cifar_evaluate <- function(model, dataset, split = "test", tta = FALSE, ...) {
  check_no_more("cifar_evaluate", ...)
  check_given(c("model", "dataset"))
  result <- python_call(
    "evaluate",
    live_handle(model, "model", "cifar_trained_model"),
    live_handle(dataset, "dataset", "cifar_dataset"),
    one_value(split, "split", "the name of a split"),
    one_value(tta, "tta", "TRUE or FALSE")
  )
  as_class <- function(names) factor(as_column(names), levels = model$class_names)
  result$per_class <- as_table(result$per_class)
  result$per_class$class <- as_class(result$per_class$class)
  result$confusion <- as_table(result$confusion)
  result$confusion$truth <- as_class(result$confusion$truth)
  result$confusion$predicted <- as_class(result$confusion$predicted)
  result$bins <- as_table(result$bins)
  result$metrics <- vapply(result$metrics, as.double, 0)
  structure(result, class = "cifar_evaluation")
}

#' Evaluations
#'
#' The result of [cifar_evaluate()].
#'
#' @details
#' A list with the class `cifar_evaluation`:
#'
#' * `split`: the name of the split.
#' * `n`: the number of images in it.
#' * `accuracy`: the share of images for which the most probable class is the true class, 0-1.
#' * `loss`: the mean cross-entropy in nats, without weight decay.
#' * `calibration_error`: the expected calibration error, 0-1. The images are grouped into 15 bins
#'   by confidence. The error is the mean difference between confidence and accuracy over the bins,
#'   weighted by their numbers of images.
#' * `per_class`: a tibble with one row per class and the columns `class`, `precision`, `recall`,
#'   `f1` and `support` (the number of images of the class). The first three measures are 0-1. They
#'   are 0 if the class was never predicted.
#' * `confusion`: a tibble with one row for each pair of classes and the columns `truth`,
#'   `predicted` and `n`.
#' * `objective`: what the training lowered, on this split, as its history shows it: with its own
#'   loss, label smoothing and penalties on weights. It equals `loss` for a training with none of
#'   them. It is `NULL` for a function of yours that the model was saved without.
#' * `bins`: what `calibration_error` is made of, a tibble with one row per bin of confidence that
#'   has images: `confidence` and `accuracy` (their means, 0-1) and `n` (the images).
#' * `metrics`: the `metrics` of the training, named numbers, as its history shows them; with `tta`
#'   or calibration, of the probabilities that these give. Those of yours are missing if the model
#'   was saved without them.
#'
#' `print()` shows the values for the whole split. `summary()` adds the values for each class.
#' `plot()` draws the confusion matrix: counts, coloured by their share of the true class.
#'
#' @param x,object An evaluation.
#' @param ... Not used.
#' @return `plot()` returns a ggplot. `summary()` returns an object whose `print()` method shows the
#'   values. `print()` returns `x` invisibly. `format()` returns a string, which `str()` shows.
#' @family models
#' @name cifar_evaluation
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' evaluation <- cifar_evaluate(model, dataset)
#' summary(evaluation)
#' plot(evaluation)
NULL

#' @rdname cifar_evaluation
#' @export
print.cifar_evaluation <- function(x, ...) {
  check_no_more("print", ...)
  cat(
    sprintf("<cifar_evaluation> split %s, %s images\n", x$split, with_commas(x$n)),
    sprintf("accuracy:          %.4f\n", x$accuracy),
    sprintf("loss:              %.4f\n", x$loss),
    sprintf("calibration error: %.4f\n", x$calibration_error),
    if (!is.null(x$objective) && x$objective != x$loss) {
      sprintf("objective:         %.4f\n", x$objective)
    },
    sprintf("%-18s %.4f\n", paste0(names(x$metrics), rep(":", length(x$metrics))), x$metrics),
    sep = ""
  )
  invisible(x)
}

#' @rdname cifar_evaluation
#' @export
format.cifar_evaluation <- function(x, ...) {
  sprintf(
    "<cifar_evaluation> split %s, %s images: accuracy %.4f, loss %.4f, calibration error %.4f",
    x$split,
    with_commas(x$n),
    x$accuracy,
    x$loss,
    x$calibration_error
  )
}

#' @rdname cifar_evaluation
#' @export
str.cifar_evaluation <- str.cifar_dataset

#' @rdname cifar_evaluation
#' @export
summary.cifar_evaluation <- function(object, ...) {
  check_no_more("summary", ...)
  structure(list(evaluation = object), class = "summary_cifar_evaluation")
}

#' @export
print.summary_cifar_evaluation <- function(x, ...) {
  check_no_more("print", ...)
  print(x$evaluation)
  per_class <- as.data.frame(x$evaluation$per_class)
  shares <- c("precision", "recall", "f1")
  per_class[shares] <- lapply(per_class[shares], sprintf, fmt = "%.4f")
  cat("\n")
  print(per_class, row.names = FALSE)
  invisible(x)
}

#' @rdname cifar_evaluation
#' @export
plot.cifar_evaluation <- function(x, ...) {
  check_no_more("plot", ...)
  plot_confusion(x)
}
