#' List the architectures
#'
#' Lists the networks that [cifar_train()] and [cifar_build_model()] know by name. Each has a
#' recipe: the settings that [cifar_train()] uses for arguments that are `NULL`.
#'
#' @return A tibble with one row per architecture and the columns
#'   * `architecture`: its name.
#'   * `summary`: its layers.
#'   * `origin`: where it comes from.
#'   * `epochs`, `batch_size` (images in a step), `optimizer`, `learning_rate`, `schedule` and
#'     `weight_decay`: its recipe.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' cifar_list_architectures()
cifar_list_architectures <- function() {
  as_table(python_call("list_architectures"))
}
