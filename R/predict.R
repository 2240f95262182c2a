#' Predict the class of images
#'
#' @param object A model from [cifar_train()] or [cifar_load_model()].
#' @param images The images. One of
#'   * an array of shape (n, height, width, 3), or (height, width, 3) for one image. The values are
#'     raw bytes, integers 0-255, doubles 0-1 (if none is above 1), or whole doubles 0-255. Grey
#'     images have one channel, or are of shape (n, height, width), or a matrix for one image.
#'   * paths of image files (BMP, GIF, JPEG, PNG, PPM or WebP). They may contain the wildcards `*`,
#'     `?` and `**`.
#'   * a data frame with such paths in a column `path`.
#'   * a picture of the package magick, a `raster` or a `nativeRaster`.
#'   * a list of pictures, or of arrays of shape (height, width, 3) or grey matrices that all have
#'     the same size.
#'   * a data set from [cifar_load_dataset()]. The images of its test split are used.
#'
#'   There may be no image, such as in a data frame without rows. Then there is no prediction.
#'
#'   Instead of `images`, the argument may be called `newdata` or `new_data`.
#' @param type `"class"` or `"prob"`.
#' @param tta Whether to use test-time augmentation. The result is then a weighted mean over six
#'   views of each image, which takes six times the work. The views are the image, the image moved
#'   by one pixel up and left, and the image moved by one pixel down and right, each also mirrored.
#'   The two unmoved views together have half of the weight.
#' @param ... Not used.
#'
#' @return For `"class"`, a factor with one value per image and all classes as levels. For `"prob"`,
#'   a tibble with one row per image and a column `.pred_<class>` for each class. Both are in the
#'   order of the images.
#' @section Files and pictures:
#' Files and pictures may have any size. Each is resized to the size that the model takes; if the
#' aspect ratio differs, the image is distorted, not cropped. Images are rotated as their EXIF data
#' say. Grey is converted to equal red, green and blue, and 16 bits per channel to 8. Transparent
#' areas become white. Arrays are not resized.
#'
#' [generics::augment()] adds the predicted classes and probabilities to a data frame of paths.
#'
#' @section Errors:
#' * `pycifar_error_image`: images have a wrong size, shape, type or range.
#' * `pycifar_error_data_not_found`: a file does not exist, or a wildcard matches no file.
#' * `pycifar_error_data_format`: a file is not an image.
#' * `pycifar_error_argument`: another argument is not as described above.
#' * `pycifar_error_handle`: the R session of the model has ended.
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
predict.cifar_trained_model <- function(object, images, type = "class", tta = FALSE, ...) {
  if (missing(images)) {
    given <- images_of_other_names("predict", ...)
    return(predict.cifar_trained_model(object, given, type, tta))
  }
  check_no_more("predict", ...)
  type <- type_of_prediction(type)
  result <- python_call(
    "predict",
    live_handle(object, "object", "cifar_trained_model"),
    images_to_python(images),
    type,
    one_value(tta, "tta", "TRUE or FALSE")
  )
  if (identical(type, "class")) {
    return(factor(as_column(result), levels = object$class_names))
  }
  probabilities <- array_from_doubles(result)
  colnames(probabilities) <- paste0(".pred_", object$class_names)
  tibble::as_tibble(probabilities)
}

# The images, which other packages call `newdata` or `new_data`.
images_of_other_names <- function(of, ..., call = rlang::caller_env()) {
  given <- list(...)
  known <- intersect(names(given), c("newdata", "new_data"))
  if (length(known) != 1L || length(given) != 1L) {
    abort_pycifar(
      "argument",
      "`images` must be given, once; it may be called `newdata` or `new_data` as well.",
      call = call
    )
  }
  given[[known]]
}

# Names that other packages have for probabilities get a hint.
type_of_prediction <- function(type, call = rlang::caller_env()) {
  type <- one_value(type, "type", "\"class\" or \"prob\"", call)
  if (is.character(type) && type %in% c("response", "raw", "posterior")) {
    abort_pycifar(
      c("unknown_name", "argument"),
      sprintf("`type` must be \"class\" or \"prob\", not \"%s\".", type),
      fix = "Use \"prob\" for probabilities, and \"class\" for the most probable class.",
      call = call
    )
  }
  type
}
