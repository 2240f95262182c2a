#' Look at a data set
#'
#' `print()` describes the data set. `summary()` counts its images and measures their colours.
#' `plot()` draws random images of each class. `head()`, `tail()`, `as.data.frame()` and
#' [tibble::as_tibble()] show which images there are.
#'
#' @section Elements:
#' `dataset$class_names` and the other elements that [cifar_load_dataset()] describes can be read,
#' but not changed. Another name is an error. So is `dataset[i]`: the images are not in R. Get them
#' with [cifar_images()], and their classes with [cifar_labels()]. For a data set with fewer images
#' use [`subset()`][subset.cifar_dataset].
#'
#' @section Other R sessions:
#' A data set may be saved with `saveRDS()`, cached by knitr or targets, or passed to another R
#' process. It contains no images, but the arguments of [cifar_load_dataset()] and the fingerprint
#' of the images. At its first use in another session, it is loaded again, and its images are
#' compared. This is not possible for a data set made of arrays. `print()` says which case it is.
#'
#' @param x,object A data set from [cifar_load_dataset()].
#' @param n The number of rows, as in [utils::head()].
#' @param split The name of the split from which images are drawn.
#' @param n_per_class The largest number of images to draw of each class. A class with fewer images
#'   has a shorter row.
#' @param seed A whole number from 0 to 2^31 - 1. It determines which images are drawn.
#' @param augmentation How `plot()` changes the images, in the forms that [cifar_train()] takes. The
#'   images are those that it draws without, each changed once.
#' @param row.names,optional,... Not used.
#'
#' @return
#' * `plot()`: a ggplot.
#' * `print()`: `x`, invisibly. `format()`: a string that describes the data set in one line.
#' * `levels()`: the class names.
#' * `as.data.frame()` and `as_tibble()`: a table with one row per image and the columns `split`,
#'   `index` (the number of the image in the split), `class` and, of image files, `path`. `head()`
#'   and `tail()`: the first and last rows of this table. `dim()`: its numbers of rows and columns.
#'   `length()`: the number of images in all splits.
#' * `summary()`: a list of three tibbles:
#'     * `splits`: the number of images `n` for each `split` and `class`.
#'     * `batches`: the number of images `n` for each `batch`, `split` and `class`. It has no rows
#'       if the source has no batches.
#'     * `channels`: the `mean` and `standard_deviation` of each colour channel (`channel`) over all
#'       pixels of the training split, on the scale 0-255.
#' @section Errors:
#' * `pycifar_error_unknown_name`: the data set has no such element.
#' * `pycifar_error_argument`: an element cannot be changed, or `dataset[i]` was called.
#' * `pycifar_error_handle`: the R session in which the data set was loaded has ended, and it cannot
#'   be loaded again, or its images are others now.
#' @family data sets
#' @name cifar_dataset
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' head(dataset)
#' length(dataset)
#' summary(dataset)$channels
#' plot(dataset)
NULL

#' @rdname cifar_dataset
#' @export
print.cifar_dataset <- function(x, ...) {
  check_no_more("print", ...)
  cat(
    sprintf("<cifar_dataset> %s\n", encodeString(x$name)),
    sprintf("images:  %s, %s pixels\n", describe_splits(x$splits), describe_shape(x$image_shape)),
    describe_resize(x),
    sprintf("classes: %s\n", describe_classes(x$class_names)),
    sprintf("source:  %s\n", encodeString(x$source)),
    describe_storage(x),
    describe_state(x),
    sep = ""
  )
  invisible(x)
}

# Describe in one line where the images of files are; NULL for others. Objects of an older version
# do not say it.
describe_storage <- function(x) {
  storage <- unclass(x)[["storage"]]
  if (!is.null(storage)) {
    sprintf("storage: %s\n", encodeString(storage))
  }
}

# Describe in one line how a data set or a model resizes image files; NULL if it does not. Objects
# of an older version do not say it.
describe_resize <- function(x) {
  resize <- unclass(x)[["resize"]]
  if (!is.null(resize)) {
    sprintf("resized: %s, %s\n", resize$how, resize$filter)
  }
}

# Describe in one line that a data set or model is from an R session that has ended. A model that
# can be restored is as good as before.
describe_state <- function(x) {
  kept <- kept_with(x)
  if (!is_dead(x$handle) || !is.null(kept$file)) {
    return(NULL)
  }
  if (is.null(kept$arguments)) {
    return("state:   lost with the R session in which it was made\n")
  }
  "state:   from another R session; at its first use it is loaded again\n"
}

#' @rdname cifar_dataset
#' @export
format.cifar_dataset <- function(x, ...) {
  sprintf(
    "<cifar_dataset> %s: %s images of %s pixels in %d classes",
    encodeString(x$name),
    describe_splits(x$splits),
    describe_shape(x$image_shape),
    length(x$class_names)
  )
}

#' @rdname cifar_dataset
#' @export
str.cifar_dataset <- function(object, ...) {
  cat(" ", format(object), "\n", sep = "")
}

#' @rdname cifar_dataset
#' @export
length.cifar_dataset <- function(x) {
  sum(x$splits)
}

#' @rdname cifar_dataset
#' @export
dim.cifar_dataset <- function(x) {
  c(length(x), if (has_files(x)) 4L else 3L)
}

#' @rdname cifar_dataset
#' @export
head.cifar_dataset <- function(x, n = 6L, ...) {
  head(images_of(x), n, ...)
}

#' @rdname cifar_dataset
#' @export
tail.cifar_dataset <- function(x, n = 6L, ...) {
  tail(images_of(x), n, ...)
}

#' @rdname cifar_dataset
#' @export
levels.cifar_dataset <- function(x) {
  x$class_names
}

#' @rdname cifar_dataset
#' @export
as.data.frame.cifar_dataset <- function(
  x,
  row.names = NULL, # nolint: object_name_linter.
  optional = FALSE,
  ...
) {
  as.data.frame(images_of(x))
}

# nolint start: object_name_linter. The linter does not know this generic.

#' @rdname cifar_dataset
#' @exportS3Method tibble::as_tibble
as_tibble.cifar_dataset <- function(x, ...) {
  images_of(x)
}

# nolint end

# One row per image: its split, its number there, its class, and its file, if it has one.
images_of <- function(dataset) {
  splits <- names(dataset$splits)
  n <- as.integer(dataset$splits)
  classes <- lapply(splits, function(split) cifar_labels(dataset, split = split))
  tibble::tibble(
    split = rep(splits, n),
    index = sequence(n),
    class = factor(unlist(lapply(classes, as.character)), levels = dataset$class_names),
    path = if (has_files(dataset)) unlist(lapply(splits, paths_of, dataset = dataset))
  )
}

has_files <- function(dataset) {
  isTRUE(kept_with(dataset)$has_files)
}

# The files of a split, as R's own functions spell them.
paths_of <- function(dataset, split, model = NULL) {
  handle <- live_handle(dataset, "dataset", "cifar_dataset")
  on_disk(as_column(python_call("paths", handle, split, model)))
}

#' @rdname cifar_dataset
#' @export
summary.cifar_dataset <- function(object, ...) {
  check_no_more("summary", ...)
  found <- python_call("explore_dataset", live_handle(object, "object", "cifar_dataset"))
  classes <- object$class_names
  splits <- found$splits
  batches <- found$batches
  structure(
    list(
      splits = tibble::tibble(
        split = as.character(unlist(splits$split)),
        class = factor(as.character(unlist(splits$class)), levels = classes),
        n = as.integer(unlist(splits$n))
      ),
      batches = tibble::tibble(
        batch = as.character(unlist(batches$batch)),
        split = as.character(unlist(batches$split)),
        class = factor(as.character(unlist(batches$class)), levels = classes),
        n = as.integer(unlist(batches$n))
      ),
      channels = as_table(found$channels)
    ),
    class = "summary_cifar_dataset"
  )
}

#' @export
print.summary_cifar_dataset <- function(x, ...) {
  check_no_more("print", ...)
  cat("Images in each split\n")
  print_counts(x$splits, "split")
  if (nrow(x$batches) > 0L) {
    cat("\nImages in each batch\n")
    print_counts(x$batches, "batch")
  }
  cat("\nPixels of the training split (0-255)\n")
  channels <- as.data.frame(x$channels)
  channels[-1L] <- lapply(channels[-1L], sprintf, fmt = "%.2f")
  names(channels) <- c("channel", "mean", "sd")
  print(channels, row.names = FALSE)
  invisible(x)
}

#' @rdname cifar_dataset
#' @export
plot.cifar_dataset <- function(
  x,
  split = "train",
  n_per_class = 10,
  seed = 1,
  augmentation = "none",
  ...
) {
  check_no_more("plot", ...)
  block <- python_call(
    "sample_images",
    live_handle(x, "x", "cifar_dataset"),
    one_value(split, "split", "the name of a split"),
    one_value(n_per_class, "n_per_class", "a single number"),
    one_value(seed, "seed", "a single number"),
    augmentation_to_python(augmentation, "augmentation", rlang::current_env())
  )
  title <- sprintf("%s, split %s", x$name, split)
  plot_mosaic(array_from_bytes(block), x$class_names, title)
}

# Print counts with a row for each class and a column for each value of the column `by`.
print_counts <- function(table, by) {
  columns <- factor(table[[by]], levels = unique(table[[by]]))
  counts <- tapply(table$n, list(table$class, columns), sum)
  print(rbind(counts, all = colSums(counts)))
}

describe_splits <- function(splits) {
  paste(names(splits), with_commas(unname(splits)), collapse = ", ")
}

# Describe a shape, such as 32×32×3. In a locale without UTF-8, "x" stands for "×".
describe_shape <- function(shape) {
  paste(shape, collapse = if (l10n_info()[["UTF-8"]]) "\u00d7" else "x")
}

# List class names in lines that fit the console. The first line follows `indent` characters of
# other text, and the further lines are indented by as many spaces.
describe_classes <- function(class_names, indent = nchar("classes: ")) {
  shown <- if (length(class_names) > 12L) c(class_names[1:11], "...") else class_names
  # Names may come from an untrusted file, so control characters are escaped.
  text <- sprintf("%s (%d)", paste(encodeString(shown), collapse = ", "), length(class_names))
  paste(strwrap(text, getOption("width") - indent), collapse = paste0("\n", strrep(" ", indent)))
}

#' Get images and labels of a data set
#'
#' @param dataset A data set from [cifar_load_dataset()].
#' @param which The numbers of the images in the split, counted from 1. For `cifar_labels()`, `NULL`
#'   means all images.
#' @param split The name of the split.
#' @param model A trained model. With it, `split` may be `"validation"`, the images that its
#'   training held out; see [cifar_evaluate()].
#' @inheritParams cifar_evaluate
#' @return `cifar_images()` returns a raw array of shape (n, height, width, 3) with values 0-255, as
#'   [predict.cifar_trained_model()] accepts it. `cifar_labels()` returns a factor with all classes
#'   as levels.
#' @section Errors:
#' * `pycifar_error_argument`: a number in `which` is not in the split.
#' * `pycifar_error_data`: there is no such split.
#' * `pycifar_error_handle`: the R session of the data set has ended, and it cannot be
#'   restored.
#' @family data sets
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' images <- cifar_images(dataset, 1:3)
#' dim(images)
#' cifar_labels(dataset, 1:3)
cifar_images <- function(dataset, which, split = "test", model = NULL, ...) {
  check_no_more("cifar_images", ...)
  check_given(c("dataset", "which"))
  array_from_bytes(taken("images", dataset, which, split, model))
}

#' @rdname cifar_images
#' @export
cifar_labels <- function(dataset, which = NULL, split = "test", model = NULL, ...) {
  check_no_more("cifar_labels", ...)
  check_given("dataset")
  labels <- taken("labels", dataset, which, split, model)
  factor(as_column(labels), levels = dataset$class_names)
}

# Call the entry point "images" or "labels" for images of a split.
taken <- function(entry_point, dataset, which, split, model, call = rlang::caller_env()) {
  python_call(
    entry_point,
    live_handle(dataset, "dataset", "cifar_dataset", call),
    several_values(which, "which", "whole numbers", call),
    one_value(split, "split", "the name of a split", call),
    if (!is.null(model)) live_handle(model, "model", "cifar_trained_model", call),
    call = call
  )
}
