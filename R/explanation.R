#' Show where a network looks
#'
#' Computes a Grad-CAM heat map. It is a weighted sum of the feature maps of one layer. The weight
#' of a map is the mean gradient of the class score with respect to this map. Negative values of the
#' sum count against the class. They are set to 0.
#'
#' @param model A model from [cifar_train()] or [cifar_load_model()]. At least one layer must have
#'   an output with height and width.
#' @param image One image: a picture, an array of shape (height, width, 3), or the path of an image
#'   file, all of any size; see [predict.cifar_trained_model()].
#' @param class_name The name of the class to explain. `NULL` means the predicted class.
#' @param layer The name of the layer whose feature maps are used. `NULL` means the last layer whose
#'   output has height and width.
#' @inheritParams cifar_evaluate
#'
#' @return An object of class [cifar_explanation].
#' @section Errors:
#' * `pycifar_error_unknown_name`: there is no such class or layer.
#' * `pycifar_error_image`: `image` is more than one image, or does not fit the model.
#' * `pycifar_error_argument`: another argument is not as described above.
#' @source Selvaraju et al. (2017), *Grad-CAM: Visual Explanations from Deep Networks via
#'   Gradient-based Localization*, <https://arxiv.org/abs/1610.02391>.
#' @family explanation
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' explanation <- cifar_explain(model, cifar_images(dataset, 1))
#' explanation
#' plot(explanation)
cifar_explain <- function(model, image, class_name = NULL, layer = NULL, ...) {
  check_no_more("cifar_explain", ...)
  check_given(c("model", "image"))
  found <- python_call(
    "explain",
    live_handle(model, "model", "cifar_trained_model"),
    image_to_python(image),
    one_value(class_name, "class_name", "the name of a class"),
    one_value(layer, "layer", "the name of a layer")
  )
  found$image <- array_from_bytes(found$image)
  found$heatmap <- array_from_doubles(found$heatmap)
  structure(found, class = "cifar_explanation")
}

#' Explanations
#'
#' The result of [cifar_explain()].
#'
#' @details
#' A list with the class `cifar_explanation`:
#'
#' * `image`: the image, a raw array of shape (height, width, 3).
#' * `heatmap`: a numeric matrix with the height and width of the image and values 0-1. The highest
#'   value is 1. All values are 0 if nothing in the image counts for the class.
#' * `class_name`: the class that is explained.
#' * `probability`: the probability that the model gives to this class, 0-1.
#' * `layer`: the layer whose feature maps were used.
#'
#' `plot()` draws the image, and beside it the image with the heat map.
#'
#' @param x An explanation.
#' @param ... Not used.
#' @return `plot()` returns a ggplot. `print()` returns `x` invisibly.
#' @family explanation
#' @name cifar_explanation
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' plot(cifar_explain(model, cifar_images(dataset, 1), class_name = "dots"))
NULL

#' @rdname cifar_explanation
#' @export
print.cifar_explanation <- function(x, ...) {
  check_no_more("print", ...)
  cat(sprintf(
    "<cifar_explanation> of %s (probability %.4f) by layer %s\n",
    encodeString(x$class_name),
    x$probability,
    encodeString(x$layer)
  ))
  invisible(x)
}

#' @rdname cifar_explanation
#' @export
plot.cifar_explanation <- function(x, ...) {
  check_no_more("plot", ...)
  plot_explanation(x)
}

#' Compute the receptive field of each layer
#'
#' The receptive field is the part of the image that can influence one unit of a layer. It is
#' computed from the window sizes and strides of the layers. Where branches of a network join, the
#' largest receptive field counts. Parts that lie outside the image also count.
#'
#' @param model A model from [cifar_train()] or [cifar_load_model()], an untrained model from
#'   [cifar_build_model()], or the name of an architecture.
#' @inheritParams cifar_evaluate
#' @return A tibble with one row per layer and the columns
#'   * `layer`, `type` and `output_shape`: the name of the layer, its class and the shape of its
#'     output.
#'   * `window` and `stride`: in units of the layer before. Both are 1 for a layer without a window.
#'   * `receptive_field`: the side of the receptive field in pixels. If a unit sees the whole image,
#'     this is the longer side of the image.
#'   * `jump`: the distance in pixels between the receptive fields of two neighbouring units. It is
#'     0 if a unit sees the whole image.
#' @section Errors:
#' `pycifar_error_argument`: `model` is not as described above.
#' @source Araujo, Norris and Sim (2019), *Computing Receptive Fields of Convolutional Neural
#'   Networks*, Distill, <https://distill.pub/2019/computing-receptive-fields/>.
#' @family explanation
#' @export
#' @examplesIf cifar_available()
#' cifar_receptive_field("cnn2")
cifar_receptive_field <- function(model, ...) {
  check_no_more("cifar_receptive_field", ...)
  check_given("model")
  model <- if (inherits(model, "cifar_trained_model")) {
    live_handle(model, "model", "cifar_trained_model")
  } else if (is_python_object(model)) {
    architecture_to_python(model)
  } else {
    one_value(model, "model", "a model or the name of an architecture")
  }
  as_table(python_call("receptive_field", model))
}

#' Plot filters and feature maps
#'
#' `cifar_plot_filters()` draws the filters of the first layer that has weights. Each filter is
#' scaled from its lowest to its highest weight. For a network without convolutions, it draws the
#' weights of the first layer, each as large as the image. `cifar_plot_feature_maps()` draws the
#' outputs of layers for one image, with one row per layer.
#'
#' @inheritParams cifar_explain
#' @param layers The names of one or more layers whose output has height and width. `NULL` means all
#'   convolution and pooling layers; of more than 12, the first, the last and others at even
#'   distances between.
#' @param n_maps The number of feature maps to draw for each layer, at least 1. Those that vary most
#'   are drawn.
#' @inheritParams cifar_evaluate
#' @return A ggplot.
#' @section Errors:
#' * `pycifar_error_unknown_name`: there is no such layer.
#' * `pycifar_error_image`: `image` is more than one image, or does not fit the model.
#' * `pycifar_error_argument`: the model has no such layers, or another argument is not as described
#'   above.
#' @family explanation
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' cifar_plot_filters(model)
#' cifar_plot_feature_maps(model, cifar_images(dataset, 1))
cifar_plot_filters <- function(model, ...) {
  check_no_more("cifar_plot_filters", ...)
  check_given("model")
  block <- python_call("filters", live_handle(model, "model", "cifar_trained_model"))
  plot_filters(array_from_doubles(block), model$architecture)
}

#' @rdname cifar_plot_filters
#' @export
cifar_plot_feature_maps <- function(model, image, layers = NULL, n_maps = 8, ...) {
  check_no_more("cifar_plot_feature_maps", ...)
  check_given(c("model", "image"))
  found <- python_call(
    "feature_maps",
    live_handle(model, "model", "cifar_trained_model"),
    image_to_python(image),
    several_values(layers, "layers", "names of layers"),
    one_value(n_maps, "n_maps", "a single number")
  )
  names <- vapply(found, function(one) one$layer, character(1L))
  maps <- lapply(found, function(one) array_from_doubles(one$maps))
  plot_feature_maps(stats::setNames(maps, names), model$architecture)
}
