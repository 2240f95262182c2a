#' Features of images
#'
#' Computes what a layer of a network makes of images: a row of numbers for each image. Images that
#' look alike to the network have rows that are close to each other. The rows serve for what works
#' on numbers: neighbours by [stats::dist()], clusters by [stats::kmeans()], a map by
#' [stats::prcomp()], and the classifiers and regressions of other packages.
#'
#' @param model A model from [cifar_train()], [cifar_load_model()] or [cifar_adopt_model()].
#' @param images The images, in each form that [predict.cifar_trained_model()] takes.
#' @param layer The name of the layer whose output is taken. Where the output has height and width,
#'   it is averaged over them, so that each channel is one number. A layer inside a nested network
#'   has the name of that network and a slash before its own, as in `"resnet50/conv1_conv"`. Of a
#'   layer that is used several times, the last use counts. `NULL` means what enters the last layer
#'   with weights: the features from which the head of the network tells the classes.
#' @param split The split of a data set; see [cifar_evaluate()]. `NULL` means `"test"`. It must be
#'   `NULL` for other images.
#' @param on_error What to do about an image that cannot be read. `"stop"` signals an error.
#'   `"skip"` goes on with the other images, with a warning.
#' @param verbose What to show of the progress. 0 or `FALSE`: nothing. 1, 2 or `TRUE`: all, if it
#'   takes long. The default is the option `pycifar.verbose`, as in [cifar_train()].
#' @inheritParams cifar_evaluate
#'
#' @return A numeric matrix with one row per image, in the order of the images. Its row names are
#'   the paths of images that are files, and the numbers of others, counted from 1. Its columns are
#'   `feature_1`, `feature_2` and so on. The row of an image that was skipped is `NA`. The numbers
#'   have the precision of single floats.
#' @section Errors:
#' * `pycifar_error_unknown_name`: there is no such layer.
#' * `pycifar_error_image`: images have a wrong size, shape, type or range.
#' * `pycifar_error_data_not_found`: a file does not exist, or a wildcard matches no image.
#' * `pycifar_error_data_format`: a file is not an image.
#' * `pycifar_error_data`: there is no such split.
#' * `pycifar_error_argument`: another argument is not as described above, no layer has weights, or
#'   a feature is not finite.
#' * `pycifar_error_handle`: the R session of the model has ended.
#' @section Warnings:
#' Those of [predict.cifar_trained_model()].
#' @family models
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' features <- cifar_extract_features(model, dataset)
#' dim(features)
#'
#' # A map of the images.
#' map <- prcomp(features, rank. = 2)$x
#' plot(map, col = cifar_labels(dataset, 1:100), pch = 19)
#'
#' # What another layer computes.
#' dim(cifar_extract_features(model, dataset, layer = "pool1"))
cifar_extract_features <- function(
  model,
  images,
  layer = NULL,
  split = NULL,
  on_error = "stop",
  verbose = verbosity(),
  ...
) {
  check_no_more("cifar_extract_features", ...)
  check_given(c("model", "images"))
  progress <- new_progress()
  on.exit(progress$close())
  found <- python_call(
    "extract_features",
    live_handle(model, "model", "cifar_trained_model"),
    images_to_python(images),
    one_value(layer, "layer", "the name of a layer"),
    one_value(split, "split", "the name of a split"),
    one_value(on_error, "on_error", "\"stop\" or \"skip\""),
    one_value(verbose, "verbose", "0, 1, 2, TRUE or FALSE"),
    progress$write_line,
    progress$update_bar
  )
  features <- array_from_doubles(found$features)
  features[is.nan(features)] <- NA
  dimnames(features) <- list(as_column(found$names), sprintf("feature_%d", seq_len(ncol(features))))
  features
}
