#' List the architectures
#'
#' Lists the networks that [cifar_train()] and [cifar_build_model()] know by name. Each has a
#' recipe: the settings that [cifar_train()] uses for arguments that are `NULL`.
#'
#' @inheritParams cifar_evaluate
#'
#' @return A tibble with one row per architecture and the columns
#'   * `architecture`: its name.
#'   * `summary`: its layers.
#'   * `origin`: where it comes from.
#'   * `epochs`, `batch_size` (images in a step), `optimizer`, `learning_rate`, `schedule` and
#'     `weight_decay`: its recipe.
#'   * `image_size`: the height and width in pixels of the images that it was made for.
#'   * `parameters`, and `multiply_adds` of a prediction: both for 10 classes and images of this
#'     size. From 2^31 on they are doubles.
#'   * `weights`: the name of weights from an earlier training, with which it can begin;
#'     `weights_origin` and `weights_licence`: where these come from, and their licence in SPDX. All
#'     three are `NA` where there are none.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' cifar_list_architectures()
cifar_list_architectures <- function(...) {
  check_no_more("cifar_list_architectures", ...)
  as_table(python_call("list_architectures"))
}
