#' Remove the caches of images in a folder
#'
#' [cifar_load_dataset()] writes them if it is given a `cache_dir`. Other files in the folder stay.
#' A data set that is still read from one of them cannot be used any more.
#'
#' @param cache_dir The folder that was given to [cifar_load_dataset()] as `cache_dir`.
#' @inheritParams cifar_evaluate
#'
#' @return The number of bytes that were freed, invisibly; 0 if there was no cache.
#' @section Errors:
#' * `pycifar_error_data_not_found`: there is no such folder.
#' * `pycifar_error_output`: a cache cannot be removed.
#' @family data sets
#' @export
#' @examplesIf cifar_available()
#' cifar_clear_cache(tempdir())
cifar_clear_cache <- function(cache_dir, ...) {
  check_no_more("cifar_clear_cache", ...)
  check_given("cache_dir")
  invisible(python_call("clear_cache", one_value(cache_dir, "cache_dir", "a path")))
}
