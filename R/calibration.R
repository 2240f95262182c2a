#' Calibrate a model
#'
#' Fits the probabilities of a model to how often it is right, and finds its prediction sets: the
#' classes that an image may have.
#'
#' @details
#' A network is usually too sure of itself. Its logits are divided by one number, the temperature,
#' that gives images it did not learn from the lowest cross-entropy. The most probable class stays
#' the same.
#'
#' A prediction set has all classes of at least a certain probability. That is chosen so that the
#' sets of new images of the same kind have the true class with the probability `coverage`. An image
#' whose set has several classes is one that the model cannot tell.
#'
#' One half of the images, drawn with the seed of the training, fits the temperature, and the other
#' half the sets. The coverage is sure only for images that fitted nothing. If the training chose
#' its best epoch by these images, the coverage of new ones is a little lower.
#'
#' @param model A model from [cifar_train()], [cifar_load_model()] or [cifar_adopt_model()].
#' @param dataset A data set from [cifar_load_dataset()] with the classes of the model, in the same
#'   order.
#' @param split The name of the split to fit on, which must not be what the model learned from.
#'   `"validation"` may be what the training held out; see [cifar_evaluate()].
#' @param coverage The share of new images whose set is to have the true class, between 0 and 1.
#' @inheritParams cifar_evaluate
#'
#' @return The model, with what was found in `$calibration`: a list with `temperature`; `coverage`;
#'   `threshold`, the smallest probability of a class in a set; `split` and `n`, what it was fitted
#'   on; and the calibration error on images that the temperature was not fitted on, without it
#'   (`error_before`) and with it (`error_after`). Its weights are the same. `predict()`,
#'   [generics::augment()], [cifar_evaluate()] and [cifar_explain()] use the temperature,
#'   `predict(type = "set")` returns the sets, and [cifar_save_model()] saves both. A training that
#'   goes on from the model gives one without calibration.
#' @section Errors:
#' * `pycifar_error_data`: there is no such split, its classes are not those of the model, it is
#'   `"train"`, or it has too few images for this coverage.
#' * `pycifar_error_argument`: another argument is not as described above.
#' * `pycifar_error_handle`: the R session of the model or the data set has ended.
#' @source Guo et al. (2017), *On Calibration of Modern Neural Networks*,
#'   <https://arxiv.org/abs/1706.04599>. Sadinle, Lei and Wasserman (2019), *Least Ambiguous
#'   Set-Valued Classifiers with Bounded Error Levels*, <https://arxiv.org/abs/1609.00451>.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 400, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, validation = 0.2, seed = 1, verbose = 0)
#' model <- cifar_calibrate(model, dataset)
#' model$calibration$temperature
#' sets <- predict(model, dataset, type = "set")
#' table(lengths(sets))
cifar_calibrate <- function(model, dataset, split = "validation", coverage = 0.9, ...) {
  check_no_more("cifar_calibrate", ...)
  check_given(c("model", "dataset"))
  new_trained_model(python_call(
    "calibrate",
    live_handle(model, "model", "cifar_trained_model"),
    live_handle(dataset, "dataset", "cifar_dataset"),
    one_value(split, "split", "the name of a split"),
    one_value(coverage, "coverage", "a number between 0 and 1")
  ))
}

# The line that tells of a calibration, or NULL.
describe_calibration <- function(calibration) {
  if (!is.null(calibration)) {
    sprintf(
      "calibrated: temperature %.3g, prediction sets for %g%%, on %s images of the split %s\n",
      calibration$temperature,
      100 * calibration$coverage,
      with_commas(calibration$n),
      encodeString(calibration$split)
    )
  }
}
