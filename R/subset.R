#' Parts of a data set
#'
#' `subset()` makes a data set with fewer images of one split. `cifar_folds()` makes the data sets
#' of a cross-validation: each image of the split `"train"` is in the split `"validation"` of one of
#' them, and in `"train"` of the others. [cifar_train()] then validates on these.
#'
#' `dataset[i]` is an error, since it would look like images, which are not in R.
#'
#' @param x,dataset A data set from [cifar_load_dataset()].
#' @param subset The images to keep: their numbers in the split, counted from 1, each once; or one
#'   logical value per image. It may use the columns `index` and `class` of the table of the images
#'   of this split, as in `subset(dataset, class != "cat")`. The images stay in the order of the
#'   split.
#' @param split The name of the split. The other splits stay as they are.
#' @param k The number of folds, from 2 to the number of images, or of groups.
#' @param seed A whole number from 0 to 2^31 - 1. It determines which images are in which fold.
#' @param groups The group of each image of the split `"train"`, a vector with one value per image.
#'   Images of one group stay together. `NULL` uses the groups of the data set, if it has any.
#' @param ... Not used. An argument of another name is an error, which names the right one.
#'
#' @return `subset()`: a data set. `cifar_folds()`: a list of `k` data sets. The classes are in
#'   equal numbers in all of them, to within one image. Other splits stay as they are, but for a
#'   split `"validation"`, which is replaced. Each data set has its own copy of its images.
#' @section Errors:
#' * `pycifar_error_argument`: an argument is not as above, or no image would be left.
#' * `pycifar_error_data`: there is no such split.
#' * `pycifar_error_handle`: the R session of the data set has ended, and it cannot be restored.
#' @family data sets
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' subset(dataset, class %in% c("circle", "square"))
#' cifar_folds(dataset, k = 4)[[1]]
subset.cifar_dataset <- function(x, subset, split = "train", ...) {
  check_no_more("subset", ...)
  check_given("subset")
  handle <- live_handle(x, "x", "cifar_dataset")
  split <- one_value(split, "split", "the name of a split")
  classes <- as_column(taken("labels", x, NULL, split, NULL))
  images <- list(index = seq_along(classes), class = factor(classes, levels = x$class_names))
  which <- numbers_of_images(eval(substitute(subset), images, parent.frame()), length(classes))
  step <- list("subset", several_values(which, "subset", "whole numbers"), split)
  part_of(x, rlang::inject(python_call(step[[1L]], handle, !!!step[-1L])), step)
}

#' @rdname subset.cifar_dataset
#' @export
cifar_folds <- function(dataset, k = 5, seed = 1, groups = NULL, ...) {
  check_no_more("cifar_folds", ...)
  check_given("dataset")
  handle <- live_handle(dataset, "dataset", "cifar_dataset")
  arguments <- list(
    one_value(k, "k", "a single number"),
    one_value(if (is.null(seed)) draw_seed() else seed, "seed", "a single number"),
    groups_to_python(groups)
  )
  folds <- rlang::inject(python_call("folds", handle, !!!arguments))
  Map(function(fold, i) part_of(dataset, fold, c("fold", i, arguments)), folds, seq_along(folds))
}

# Return the numbers of the images to keep of `n`. `which` has them, or one logical value per image.
numbers_of_images <- function(which, n, call = rlang::caller_env()) {
  numbers <- which
  if (is.logical(which) && length(which) == n) {
    numbers <- seq_len(n)[which]
  }
  if (!is.numeric(numbers) || length(numbers) == 0L || anyNA(numbers) || anyDuplicated(numbers)) {
    allowed <- "different numbers of images, or one logical value per image, not all FALSE"
    abort_argument("subset", allowed, which, call)
  }
  numbers
}

# Make a `cifar_dataset` of a handle to a part of another one, which `step` makes.
part_of <- function(dataset, handle, step) {
  kept <- kept_with(dataset)
  new_dataset(handle, kept$arguments, c(kept$steps, list(step)))
}
