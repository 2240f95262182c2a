#' Export a model for other programs
#'
#' Writes a model in a format that other programs run, without pycifar, R or Keras.
#'
#' @details
#' The exported network takes `images`, bytes of shape (n, height, width, 3), and gives
#' `probabilities` of shape (n, classes). Unless it is quantized, it computes in float32, whatever
#' the model computes in. A temperature from [cifar_calibrate()] is applied in it. Beside the
#' network there is a description in JSON: class names, size, rule of resizing, prediction sets and
#' origin.
#'
#' What was written is run in its own runtime before the call returns, and is compared with the
#' model. If a probability differs by more than 0.0001, or in int8 the class of more than a tenth of
#' the images, nothing is kept.
#'
#' Give a runtime many images in blocks, as it holds what it computes of all that it is given. A
#' model that computes in bfloat16 predicts many of them faster than onnxruntime does with its
#' `.onnx` in float32. Two ways are about as fast as the model or faster: int8, and OpenVINO, which
#' also opens `.onnx`, with its property `INFERENCE_PRECISION_HINT` set to `"bf16"`.
#'
#' @param model A model from [cifar_train()], [cifar_load_model()] or [cifar_adopt_model()].
#' @param path Where to write to. Its ending chooses the format:
#'   * `.onnx`: ONNX. The description is its metadata `pycifar`. It needs the Python packages onnx,
#'     onnxruntime and tf2onnx.
#'   * `.tflite`: LiteRT. The file is a ZIP archive as well, with the description in `pycifar.json`
#'     and the classes in `labels.txt`. It needs the Python package ai-edge-litert.
#'   * `.xml`: OpenVINO, with the weights in a file `.bin` beside it. The description is the entry
#'     `pycifar` of its runtime information. It needs the Python package openvino.
#'   * `.savedmodel`: SavedModel of TensorFlow, a folder. The description is in
#'     `assets.extra/pycifar.json`.
#' @param images Images to check the export on, in each form that [predict.cifar_trained_model()]
#'   takes; 32 of them are used. Of a data set, it is the training split. `NULL` draws some. For
#'   int8 they must be given, as the ranges of its numbers are fitted on them, on up to 200.
#' @param quantize `"int8"` stores weights in 8 bits and computes in whole numbers, for `.onnx` and
#'   `.tflite`: a file of a fourth of the size, whose probabilities are coarser. `NULL` leaves
#'   float32.
#' @param overwrite Whether an existing file or SavedModel may be replaced.
#' @inheritParams cifar_evaluate
#'
#' @return Invisibly, a list of class `cifar_export`, which prints in one line: `path`, `format`,
#'   `quantize`, `bytes`, `runtime` (what ran it), `images` (how many it was checked on),
#'   `largest_difference` (of a probability, to the network in float32), `agreement` (the share of
#'   images with the class that `predict()` gives, 0-1) and `rounding` (the largest difference of a
#'   probability between the network in float32 and the model as it predicts).
#' @section Errors:
#' * `pycifar_error_dependency`: a Python package that the format needs is missing.
#' * `pycifar_error_export`: the format cannot hold the network, or computes something else.
#' * `pycifar_error_image`: the images are not as described above.
#' * `pycifar_error_output_exists`: the file exists and `overwrite` is `FALSE`.
#' * `pycifar_error_output`: the file cannot be written.
#' * `pycifar_error_argument`: another argument is not as described above.
#' * `pycifar_error_handle`: the R session of the model has ended.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' path <- tempfile(fileext = ".savedmodel")
#' print(cifar_export_model(model, path))
cifar_export_model <- function(
  model,
  path,
  images = NULL,
  quantize = NULL,
  overwrite = FALSE,
  ...
) {
  check_no_more("cifar_export_model", ...)
  check_given(c("model", "path"))
  path <- one_value(path, "path", "a path")
  declare_format(path)
  found <- python_call(
    "export_model",
    live_handle(model, "model", "cifar_trained_model"),
    path,
    if (!is.null(images)) images_to_python(images),
    one_value(quantize, "quantize", "\"int8\" or NULL"),
    one_value(overwrite, "overwrite", "TRUE or FALSE")
  )
  invisible(structure(found, class = "cifar_export"))
}

#' @export
format.cifar_export <- function(x, ...) {
  sprintf(
    paste(
      "<cifar_export> %s: %s%s, %.2f MB; %s gives the same class for %.1f%% of %d images,",
      "probabilities differ by at most %.2g"
    ),
    x$path,
    x$format,
    if (is.null(x$quantize)) "" else paste(" in", x$quantize),
    x$bytes / 1e6,
    x$runtime,
    100 * x$agreement,
    x$images,
    x$largest_difference
  )
}

#' @export
print.cifar_export <- function(x, ...) {
  check_no_more("print", ...)
  cat(format(x), "\n", sep = "")
  invisible(x)
}
