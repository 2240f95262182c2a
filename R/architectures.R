#' List the architectures
#'
#' The networks that [cifar_train()] and [cifar_build_model()] know by name, each with the recipe
#' that it is trained with unless the caller says otherwise.
#'
#' @return A tibble with one row an architecture: `architecture` (its name), `summary` (its layers),
#'   `origin` (where it comes from), and its recipe: `epochs`, `batch_size` (images a step),
#'   `optimizer`, `learning_rate`, `schedule` and `weight_decay`.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' cifar_list_architectures()
cifar_list_architectures <- function() {
  as_table(python_call("list_architectures"))
}
