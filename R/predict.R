#' Predict the class of images
#'
#' @param object A model from [cifar_train()] or [cifar_load_model()].
#' @param images The images. One of
#'   * paths of image files (BMP, GIF, JPEG, PNG, PPM or WebP). They may contain the wildcards `*`,
#'     `?` and `**`. These pass over files that are no images, with a warning.
#'   * a data frame with such paths in a column `path`.
#'   * one picture: an image or a `bitmap` of the package magick, a `raster` or a `nativeRaster`, a
#'     matrix (grey), or an array of shape (height, width, channels) with 1 to 4 channels, as
#'     `png::readPNG()` and `jpeg::readJPEG()` return them. The values of an array are raw bytes,
#'     integers 0-255, doubles 0-1 (if none is above 1), or whole doubles 0-255.
#'   * a list of such pictures, or of such paths.
#'   * an array of many images, of shape (n, height, width, 3), or (n, height, width) for grey ones.
#'   * a data set from [cifar_load_dataset()], see `split`.
#'
#'   There may be no image, such as in a data frame without rows. Then there is no prediction.
#'
#'   Instead of `images`, the argument may be called `newdata`, `new_data` or `data`.
#' @param type `"class"`, `"prob"`, or `"set"` for the prediction sets of a model from
#'   [cifar_calibrate()].
#' @param tta Whether to use test-time augmentation. The result is then a weighted mean over six
#'   views of each image, which takes six times the work. The views are the image, the image moved
#'   by one pixel up and left, and the image moved by one pixel down and right, each also mirrored.
#'   The two unmoved views together have half of the weight.
#' @param split The split of a data set; see [cifar_evaluate()]. `NULL` means `"test"`. It must be
#'   `NULL` for other images.
#' @param on_error What to do about an image that cannot be read, or whose path is `NA`. `"stop"`
#'   signals an error. `"skip"` predicts the other images, with a warning.
#' @param ... Not used.
#'
#' @return For `"class"`, a factor with one value per image and all classes as levels. For `"prob"`,
#'   a tibble with one row per image and a column `.pred_<class>` for each class. For `"set"`, a
#'   list with a factor for each image: the classes in its set. All are in the order of the images.
#'   They are `NA` for an image that was skipped.
#' @section Files and pictures:
#' Files and pictures may have any size, alone and in a list. Each is resized to the size that the
#' model takes, in the way in which the files of the training were: `resize` of
#' [cifar_load_dataset()]. A model that learned from images that came in their size distorts them.
#' Images are rotated as their EXIF data say. Grey is converted to equal red, green and blue, and 16
#' bits per channel to 8. Transparent areas become white. An array of many images and a data set are
#' not resized: they must have the size that the model takes.
#'
#' [generics::augment()] adds the predicted classes and probabilities to a data frame of paths, or
#' to the images of a data set.
#'
#' @section Errors:
#' * `pycifar_error_image`: images have a wrong size, shape, type or range.
#' * `pycifar_error_data_not_found`: a file does not exist, or a wildcard matches no image.
#' * `pycifar_error_data_format`: a file is not an image.
#' * `pycifar_error_data`: there is no such split.
#' * `pycifar_error_argument`: another argument is not as described above.
#' * `pycifar_error_handle`: the R session of the model has ended.
#' @section Warnings:
#' * `pycifar_warning_skipped`: files were passed over, or images were skipped. It counts and names
#'   them.
#' * `pycifar_warning_resize`: the images of a data set were resized in another way than those that
#'   the model learned from.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' table(predict(model, dataset))
#'
#' noise <- array(runif(2 * 32 * 32 * 3), c(2, 32, 32, 3))
#' predict(model, noise, type = "prob")
#'
#' # A picture of any size.
#' predict(model, as.raster(matrix(c("white", "black"), 40, 60)))
predict.cifar_trained_model <- function(
  object,
  images,
  type = "class",
  tta = FALSE,
  split = NULL,
  on_error = "stop",
  ...
) {
  if (missing(images)) {
    given <- images_of_other_names("images", "predict", ...)
    return(predict.cifar_trained_model(object, given, type, tta, split, on_error))
  }
  check_no_more("predict", ...)
  type <- type_of_prediction(type)
  result <- python_call(
    "predict",
    live_handle(object, "object", "cifar_trained_model"),
    images_to_python(images),
    type,
    one_value(tta, "tta", "TRUE or FALSE"),
    one_value(split, "split", "the name of a split"),
    one_value(on_error, "on_error", "\"stop\" or \"skip\"")
  )
  if (identical(type, "class")) {
    return(factor(as_column(result), levels = object$class_names))
  }
  if (identical(type, "set")) {
    return(lapply(result, as_prediction_set, levels = object$class_names))
  }
  probability_table(result, object)
}

# Probabilities from Python, with a column `.pred_<class>` for each class of the model.
probability_table <- function(block, model) {
  probabilities <- array_from_doubles(block)
  probabilities[is.nan(probabilities)] <- NA
  colnames(probabilities) <- paste0(".pred_", model$class_names)
  tibble::as_tibble(probabilities)
}

# The images in the dots of a method of the generic `of`. Other packages call them `newdata`,
# `new_data` or `data`. `own` is the name that the method has for them.
images_of_other_names <- function(
  own,
  of,
  ...,
  call = rlang::caller_env(),
  method = rlang::caller_fn()
) {
  given <- list(...)
  others <- setdiff(c("images", "newdata", "new_data", "data"), own)
  known <- rlang::names2(given) %in% others
  rlang::inject(check_no_more(of, !!!given[!known], call = call, method = method))
  if (sum(known) != 1L) {
    abort_pycifar(
      "argument",
      sprintf(
        "`%s` must be given, once; it may be called %s as well.",
        own,
        sub(",([^,]*)$", " or\\1", paste0("`", others, "`", collapse = ", "))
      ),
      call = call
    )
  }
  given[known][[1L]]
}

# A prediction set from Python. It is empty for an image that was skipped, and for no other.
as_prediction_set <- function(names, levels) {
  factor(if (length(names) > 0L) as_column(as.list(names)) else NA, levels = levels)
}

# Names that other packages have for probabilities get a hint.
type_of_prediction <- function(type, call = rlang::caller_env()) {
  type <- one_value(type, "type", "\"class\", \"prob\" or \"set\"", call)
  if (is.character(type) && type %in% c("response", "raw", "posterior", "probabilities")) {
    abort_pycifar(
      c("unknown_name", "argument"),
      sprintf("`type` must be \"class\", \"prob\" or \"set\", not \"%s\".", type),
      fix = "Use \"prob\" for probabilities, and \"class\" for the most probable class.",
      call = call
    )
  }
  type
}
