#' Methods for generics of other packages
#'
#' Methods for generics of the packages ggplot2 and generics. broom, parsnip and other packages
#' re-export the generics of generics.
#'
#' @param x,object A trained model. `tidy()`, `glance()`, `augment()` and `as.data.frame()` also
#'   take a [cifar_evaluation], and `as.table()` takes nothing else. `autoplot()` also takes the
#'   other objects of pycifar that have a `plot()` method. `fit()` also takes a network from
#'   [cifar_build_model()].
#' @param new_data Images in a form that [predict.cifar_trained_model()] accepts, such as a data
#'   frame with a column `path`, or a data set. It may be called `newdata`, `data` or `images` as
#'   well.
#' @param dataset A data set from [cifar_load_dataset()]. For `fit()` of a trained model, `NULL`
#'   means the data set that the model was trained on.
#' @param layer The name of the layer whose weights to return. `NULL` returns the weights of all
#'   layers.
#' @param row.names,optional Not used.
#' @param tta,split,on_error Whether to use test-time augmentation, the split of a data set, and
#'   what to do about an image that cannot be read; see [predict.cifar_trained_model()].
#' @param ... For `fit()`, arguments of [cifar_train()]. For `evaluate()`, arguments of
#'   [cifar_evaluate()]. For `autoplot()`, arguments of the `plot()` method.
#'
#' @return
#' * `format()`: a string that describes the model in one line. `str()` shows it.
#' * `as.data.frame()`: the history as a data frame; of an evaluation, its values for each class.
#' * `as.table()`: the confusion matrix as a table of `Prediction` by `Truth`, as yardstick's
#'   `conf_mat()` takes it.
#' * `coef()`: a list of numeric arrays by name, such as `"conv1_1/kernel"`.
#' * `tidy()`: a tibble with one row per layer, the same as `x$layers`; of an evaluation, one row
#'   per class, the same as `x$per_class`.
#' * `glance()`: a tibble with one row and the columns `architecture`, `parameters`, `epochs`,
#'   `train_loss`, `train_accuracy`, `validation_loss`, `validation_accuracy`, `seconds` and `seed`;
#'   for a model from [cifar_calibrate()], also `temperature`. The losses and accuracies are those
#'   of the epoch from which the weights are. They are `NA` if they were not measured. Of an
#'   evaluation, the columns are `split`, `n`, `accuracy`, `loss`, `calibration_error`, `objective`
#'   and the metrics of the training.
#' * `augment()`: a tibble with one row per image. If `new_data` is a data frame, its columns come
#'   first. If it is a data set, these come first: `path` (the file, if the images are files),
#'   `index` (the number of the image in the split) and `.truth` (the true class). Then follow the
#'   predicted class as `.pred_class` and the probabilities as `.pred_<class>`. The probabilities of
#'   a class that is called `class` are in `.pred_class.1`. Last, for a model from
#'   [cifar_calibrate()], comes the list `.pred_set`: for each image a factor with the classes in
#'   its prediction set. Of an evaluation, there are `.truth` and `.pred_class` alone, as yardstick
#'   takes them, in the order of the classes: it does not know which image is which.
#' * `fit()`: a new trained model. `object` is not changed.
#' * `evaluate()`: a [cifar_evaluation].
#' * `autoplot()`: a ggplot.
#' @section Errors:
#' * `pycifar_error_unknown_name`: the model has no such layer, or the layer has no weights.
#' * The errors of the functions that the methods call, such as [cifar_train()].
#' @family models
#' @name cifar_generics
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' format(model)
#' str(coef(model, "conv1_1"))
#' if (requireNamespace("ggplot2", quietly = TRUE)) {
#'   ggplot2::autoplot(model) + ggplot2::theme_minimal()
#' }
#' if (requireNamespace("generics", quietly = TRUE)) {
#'   print(generics::tidy(model))
#'   print(generics::glance(model))
#'   print(generics::evaluate(model, dataset))
#'   print(generics::augment(model, dataset)[1:3, 1:2])
#'   generics::fit(cifar_build_model("cnn2", seed = 1), dataset, epochs = 1, verbose = 0)
#' }
NULL

#' @rdname cifar_generics
#' @export
format.cifar_trained_model <- function(x, ...) {
  final <- final_values(x)
  accuracies <- final[final$metric == "accuracy", ]
  paste0(
    sprintf(
      "<cifar_trained_model> %s, %s parameters, %d of %d epochs",
      x$architecture,
      with_commas(x$parameters),
      x$epochs_done,
      x$config$epochs
    ),
    if (x$interrupted) " (interrupted)",
    if (nrow(accuracies) > 0L) {
      paste(sprintf(", %s accuracy %.4f", accuracies$split, accuracies$value), collapse = "")
    }
  )
}

#' @rdname cifar_generics
#' @export
str.cifar_trained_model <- str.cifar_dataset

#' @rdname cifar_generics
#' @export
as.data.frame.cifar_trained_model <- function(
  x,
  row.names = NULL, # nolint: object_name_linter.
  optional = FALSE,
  ...
) {
  as.data.frame(x$history)
}

#' @rdname cifar_generics
#' @export
as.data.frame.cifar_evaluation <- function(
  x,
  row.names = NULL, # nolint: object_name_linter.
  optional = FALSE,
  ...
) {
  as.data.frame(x$per_class)
}

#' @rdname cifar_generics
#' @export
as.table.cifar_evaluation <- function(x, ...) {
  stats::xtabs(
    n ~ Prediction + Truth,
    list(
      n = x$confusion$n,
      Prediction = x$confusion$predicted,
      Truth = x$confusion$truth
    )
  )
}

#' @rdname cifar_generics
#' @export
coef.cifar_trained_model <- function(object, layer = NULL, ...) {
  check_no_more("coef", ...)
  found <- python_call(
    "weights",
    live_handle(object, "object", "cifar_trained_model"),
    one_value(layer, "layer", "the name of a layer")
  )
  lapply(found, array_from_doubles)
}

# R needs these names for S3 methods. The linter does not know their generics, because they are not
# imported.
# nolint start: object_name_linter.

#' @exportS3Method generics::tidy cifar_trained_model
#' @method tidy cifar_trained_model
#' @rdname cifar_generics
tidy.cifar_trained_model <- function(x, ...) {
  check_no_more("tidy", ...)
  x$layers
}

#' @exportS3Method generics::glance cifar_trained_model
#' @method glance cifar_trained_model
#' @rdname cifar_generics
glance.cifar_trained_model <- function(x, ...) {
  check_no_more("glance", ...)
  final <- final_values(x)
  value <- function(split, metric) {
    c(final$value[final$split == split & final$metric == metric], NA_real_)[[1L]]
  }
  tibble::tibble(
    architecture = x$architecture,
    parameters = x$parameters,
    epochs = x$epochs_done,
    train_loss = value("train", "loss"),
    train_accuracy = value("train", "accuracy"),
    validation_loss = value("validation", "loss"),
    validation_accuracy = value("validation", "accuracy"),
    seconds = sum(x$seconds),
    seed = x$config$seed,
    temperature = x$calibration$temperature # no column if it is NULL
  )
}

#' @exportS3Method generics::augment cifar_trained_model
#' @method augment cifar_trained_model
#' @rdname cifar_generics
augment.cifar_trained_model <- function(
  x,
  new_data,
  tta = FALSE,
  split = NULL,
  on_error = "stop",
  ...
) {
  if (missing(new_data)) {
    given <- images_of_other_names("new_data", "augment", ...)
    return(augment.cifar_trained_model(x, given, tta, split, on_error))
  }
  check_no_more("augment", ...)
  images <- new_data
  if (is.data.frame(new_data)) {
    images <- column_of_paths(new_data, rlang::current_env())
  }
  found <- python_call(
    "predict_with_sets",
    live_handle(x, "x", "cifar_trained_model"),
    images_to_python(images),
    one_value(tta, "tta", "TRUE or FALSE"),
    one_value(split, "split", "the name of a split"),
    one_value(on_error, "on_error", "\"stop\" or \"skip\"")
  )
  probabilities <- probability_table(found$probabilities, x)
  most <- max.col(as.matrix(probabilities), ties.method = "first")
  given <- if (is.data.frame(new_data)) {
    tibble::as_tibble(new_data)
  } else if (inherits(new_data, "cifar_dataset")) {
    labelled_images(new_data, if (is.null(split)) "test" else split, x)
  }
  if (!is.null(given) && nrow(given) != length(most)) {
    abort_pycifar(
      "argument",
      sprintf(
        "Each row of `new_data` must name one file: %d rows name %d.",
        nrow(given),
        length(most)
      ),
      fix = "Give patterns to predict(), or expand them with Sys.glob()."
    )
  }
  classes <- factor(x$class_names[most], levels = x$class_names)
  added <- c(list(.pred_class = classes), probabilities)
  if (!is.null(found$sets)) {
    added$.pred_set <- lapply(found$sets, as_prediction_set, levels = x$class_names)
  }
  # A class may be called "class".
  names(added) <- make.unique(names(added))
  # Columns of an earlier prediction are replaced.
  tibble::as_tibble(c(given[setdiff(names(given), names(added))], added))
}

# One row per image of a split: its file, if it has one, its number and its class.
labelled_images <- function(dataset, split, model) {
  truth <- cifar_labels(dataset, split = split, model = model)
  paths <- paths_of(dataset, split, live_handle(model, "x", "cifar_trained_model"))
  columns <- list(path = paths, index = seq_along(truth), .truth = truth)
  tibble::as_tibble(columns[lengths(columns) > 0L])
}

#' @exportS3Method generics::augment cifar_evaluation
#' @method augment cifar_evaluation
#' @rdname cifar_generics
augment.cifar_evaluation <- function(x, ...) {
  check_no_more("augment", ...)
  rows <- rep(seq_len(nrow(x$confusion)), x$confusion$n)
  pairs <- x$confusion[rows, c("truth", "predicted")]
  stats::setNames(pairs, c(".truth", ".pred_class"))
}

#' @exportS3Method generics::tidy cifar_evaluation
#' @method tidy cifar_evaluation
#' @rdname cifar_generics
tidy.cifar_evaluation <- function(x, ...) {
  check_no_more("tidy", ...)
  x$per_class
}

#' @exportS3Method generics::glance cifar_evaluation
#' @method glance cifar_evaluation
#' @rdname cifar_generics
glance.cifar_evaluation <- function(x, ...) {
  check_no_more("glance", ...)
  values <- x[c("split", "n", "accuracy", "loss", "calibration_error", "objective")]
  tibble::as_tibble(c(Filter(Negate(is.null), values), as.list(x$metrics)))
}

#' @exportS3Method generics::fit cifar_network
#' @method fit cifar_network
#' @rdname cifar_generics
fit.cifar_network <- function(object, dataset, ...) {
  check_given("dataset")
  cifar_train(dataset, object, ...)
}

#' @exportS3Method generics::fit cifar_trained_model
#' @method fit cifar_trained_model
#' @rdname cifar_generics
fit.cifar_trained_model <- function(object, dataset = NULL, ...) {
  if (is.null(dataset)) cifar_train(object, ...) else cifar_train(dataset, object, ...)
}

#' @exportS3Method generics::evaluate cifar_trained_model
#' @method evaluate cifar_trained_model
#' @rdname cifar_generics
evaluate.cifar_trained_model <- function(x, dataset, ...) {
  cifar_evaluate(x, dataset, ...)
}

#' @exportS3Method ggplot2::autoplot cifar_trained_model
#' @method autoplot cifar_trained_model
#' @rdname cifar_generics
autoplot.cifar_trained_model <- function(object, ...) {
  plot(object, ...)
}

#' @exportS3Method ggplot2::autoplot cifar_dataset
#' @method autoplot cifar_dataset
#' @rdname cifar_generics
autoplot.cifar_dataset <- autoplot.cifar_trained_model

#' @exportS3Method ggplot2::autoplot cifar_evaluation
#' @method autoplot cifar_evaluation
#' @rdname cifar_generics
autoplot.cifar_evaluation <- autoplot.cifar_trained_model

#' @exportS3Method ggplot2::autoplot cifar_explanation
#' @method autoplot cifar_explanation
#' @rdname cifar_generics
autoplot.cifar_explanation <- autoplot.cifar_trained_model

#' @exportS3Method ggplot2::autoplot cifar_learning_rates
#' @method autoplot cifar_learning_rates
#' @rdname cifar_generics
autoplot.cifar_learning_rates <- autoplot.cifar_trained_model

#' @exportS3Method ggplot2::autoplot cifar_reproduction
#' @method autoplot cifar_reproduction
#' @rdname cifar_generics
autoplot.cifar_reproduction <- autoplot.cifar_trained_model

# nolint end
