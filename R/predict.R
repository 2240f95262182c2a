#' Predict the class of images
#'
#' @param object A model from [cifar_train()] or [cifar_load_model()].
#' @param images One of
#'   * an array of shape (n, height, width, 3), or (height, width, 3) for one image, with raw bytes,
#'     integers 0-255, doubles 0-1 (where none is above 1), or whole doubles 0-255;
#'   * paths of image files (BMP, GIF, JPEG, PNG, PPM, WebP), in which `*`, `?` and `**` stand for
#'     what matches;
#'   * a data frame with a column `path` of these;
#'   * a picture of the package magick, a `raster` or a `nativeRaster`;
#'   * a list of pictures, or of arrays of shape (height, width, 3) and one size;
#'   * a data set from [cifar_load_dataset()], for the images of its test split.
#' @param type `"class"` or `"prob"`.
#' @param tta Test-time augmentation: whether to take the mean over six views of each image, which
#'   is six times the work: as it is, and moved by a pixel up and left or down and right, each as it
#'   is and mirrored; what is not moved counts for a half.
#' @param ... Not used.
#'
#' @return One value or row an image, in the order of the images. For `"class"`, a factor with all
#'   classes as levels; for `"prob"`, a tibble with a column `.pred_<class>` for each class.
#' @section Files and pictures:
#' They may have any size: each is resized as a whole to that of the model, and one of another shape
#' is squeezed. It is turned as its EXIF data say; grey becomes equal red, green and blue; 16 bits a
#' channel become 8; what is transparent shows white. Arrays are not resized.
#'
#' [generics::augment()] puts the class and the probabilities beside a table of paths.
#'
#' @section Errors:
#' `pycifar_error_image` for images of another size, shape, type or range,
#' `pycifar_error_data_format` for a file that is no image, `pycifar_error_argument`, and
#' `pycifar_error_handle` after the R session of the model.
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
  check_given("images")
  check_no_more("predict", ...)
  type <- one_value(type, "type", "\"class\" or \"prob\"")
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
