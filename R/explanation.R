#' Where a network looks
#'
#' Grad-CAM: the maps of a layer are weighed by how much the score of a class grows with each of
#' them, and added up; what speaks against the class is left out.
#'
#' @param model A model from [cifar_train()] or [cifar_load_model()], with a layer whose output has
#'   height and width.
#' @param image One image: an array of shape (height, width, 3), or the path of an image file; see
#'   [predict.cifar_trained_model()].
#' @param class_name The class to explain; `NULL` is the predicted one.
#' @param layer The layer whose maps are weighed; `NULL` is the last one with height and width.
#'
#' @return An object of class [cifar_explanation].
#' @section Errors:
#' `pycifar_error_unknown_name` for a class or layer that does not exist, `pycifar_error_image` for
#' several images or one that does not fit, `pycifar_error_argument`.
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
cifar_explain <- function(model, image, class_name = NULL, layer = NULL) {
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

#' An explanation
#'
#' What [cifar_explain()] returns.
#'
#' @details
#' A list with the class `cifar_explanation`: `image` (raw, height × width × 3), `heatmap` (a matrix
#' of the image's size, from 0 to 1 where it counted most), `class_name`, `probability` and `layer`.
#' `plot()` draws the image beside where the network looked.
#'
#' @param x An explanation.
#' @param ... Not used.
#' @return `plot()`: a ggplot. `print()`: `x`, invisibly.
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

#' The receptive field of each layer
#'
#' How much of the image one unit of a layer sees, computed from the sizes of the windows. Where
#' branches meet, it is the largest of theirs.
#'
#' @param model A model from [cifar_train()] or [cifar_load_model()], an untrained one from
#'   [cifar_build_model()], or the name of an architecture.
#' @return A tibble with one row a layer: `layer`, `type`, `output_shape`, `window` and `stride` (in
#'   units of the layer before), `receptive_field` (in pixels; the longer side of the image where a
#'   unit sees all of it) and `jump` (the distance between what two neighbouring units see, in
#'   pixels; 0 where a unit sees all).
#' @section Errors:
#' `pycifar_error_argument`.
#' @source Araujo, Norris and Sim (2019), *Computing Receptive Fields of Convolutional Neural
#'   Networks*, Distill, <https://distill.pub/2019/computing-receptive-fields/>.
#' @family explanation
#' @export
#' @examplesIf cifar_available()
#' cifar_receptive_field("cnn2")
cifar_receptive_field <- function(model) {
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

#' Pictures of what a network sees
#'
#' `cifar_plot_filters()` draws the filters of the first layer, each from its lowest weight to its
#' highest; of a network without convolutions they are the weights of its first layer, each as large
#' as the image. `cifar_plot_feature_maps()` draws what the layers make of an image, a layer a row.
#'
#' @inheritParams cifar_explain
#' @param layers Names of layers whose output has height and width, one or several; `NULL` is each
#'   convolution and pooling.
#' @param n_maps Maps of each layer to draw, at least 1; those that vary most are chosen.
#' @return A ggplot.
#' @section Errors:
#' `pycifar_error_unknown_name` for a layer that does not exist, `pycifar_error_image` for several
#' images or one that does not fit, `pycifar_error_argument` where there are no such layers.
#' @family explanation
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)
#' cifar_plot_filters(model)
#' cifar_plot_feature_maps(model, cifar_images(dataset, 1))
cifar_plot_filters <- function(model) {
  check_given("model")
  block <- python_call("filters", live_handle(model, "model", "cifar_trained_model"))
  plot_filters(array_from_doubles(block), model$architecture)
}

#' @rdname cifar_plot_filters
#' @export
cifar_plot_feature_maps <- function(model, image, layers = NULL, n_maps = 8) {
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
