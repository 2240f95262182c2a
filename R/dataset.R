#' Load a data set of labelled images
#'
#' The images stay in Python, as bytes and in memory once; R holds a handle to them, which ends with
#' the R session.
#'
#' @details
#' `"cifar10"` is read from the published layouts, either archive included. `"synthetic"` is ten
#' classes of shapes and patterns that are drawn by code: it needs neither file nor network.
#' `"folder"` reads image files from `data_dir/train/<class>/` and `data_dir/test/<class>/`.
#'
#' Arrays are given as `list(train = list(images, labels), test = list(images, labels))`: images as
#' [`predict()`][predict.cifar_trained_model] takes them, labels as a factor, whose levels are the
#' classes, or as a character vector.
#'
#' @param source `"cifar10"`, `"synthetic"` or `"folder"`; or a list of arrays.
#' @param data_dir For `"cifar10"`, a folder of its batches, one of its archives, or a folder that
#'   holds any of these; `NULL` looks where the environment variable `PYCIFAR_DATA_DIR` points, else
#'   in the user's cache, else downloads. For `"folder"`, the top of the tree.
#' @param n_train How many training images to keep, with each class in proportion; `NULL` keeps all.
#'   For `"synthetic"`, how many to draw, 5,000 where `NULL`.
#' @param n_test The same for test images; 1,000 where `NULL` for `"synthetic"`.
#' @param class_names For `"folder"` and arrays, the classes in order, a character vector; `NULL`
#'   takes the levels of a factor, else the names in alphabetical order.
#' @param image_size For `"folder"`, height and width in pixels to resize to; 32 where `NULL`.
#' @param download Whether CIFAR-10 may be downloaded (170 MB, once).
#' @param seed Decides which images are kept, or drawn; a whole number from 0 to 2^31 - 1, or `NULL`
#'   to draw one.
#' @param verbose Whether to show the progress of a download.
#'
#' @return An object of class `cifar_dataset`, a list of `handle`, `name`, `source` (where the
#'   images came from), `class_names`, `image_shape` (height, width, 3, in pixels) and `splits` (the
#'   number of images in each).
#' @section Errors:
#' `pycifar_error_argument`, `pycifar_error_data` and those below them; see [pycifar_conditions].
#' @source A. Krizhevsky (2009), *Learning Multiple Layers of Features from Tiny Images*,
#'   <https://www.cs.toronto.edu/~kriz/cifar.html>.
#' @family data sets
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' dataset
#' summary(dataset)
cifar_load_dataset <- function(
  source = "cifar10",
  data_dir = NULL,
  n_train = NULL,
  n_test = NULL,
  class_names = NULL,
  image_size = NULL,
  download = TRUE,
  seed = 1,
  verbose = TRUE
) {
  if (is.list(source) && is.null(class_names)) {
    class_names <- levels_of_labels(source)
  }
  new_dataset(python_call(
    "load_dataset",
    source_to_python(source),
    data_dir = one_value(data_dir, "data_dir", "a path"),
    n_train = one_value(n_train, "n_train", "a single number"),
    n_test = one_value(n_test, "n_test", "a single number"),
    class_names = several_values(class_names, "class_names", "names without missing values"),
    image_size = one_value(image_size, "image_size", "a single number"),
    download = one_value(download, "download", "TRUE or FALSE"),
    seed = one_value(seed, "seed", "a single number"),
    verbose = one_value(verbose, "verbose", "TRUE or FALSE")
  ))
}

new_dataset <- function(handle) {
  description <- python_call("describe_dataset", handle)
  structure(
    list(
      handle = handle,
      name = description$name,
      source = description$source,
      class_names = as_column(description$class_names),
      image_shape = unlist(description$image_shape),
      splits = unlist(description$splits)
    ),
    class = "cifar_dataset"
  )
}

#' Look at a data set
#'
#' `print()` says what it is, `summary()` counts its images and measures their colours, and `plot()`
#' draws random images of each class.
#'
#' @param x,object A data set from [cifar_load_dataset()].
#' @param split The split that the images are taken from.
#' @param n_per_class How many images of each class.
#' @param seed Decides which; a whole number from 0 to 2^31 - 1.
#' @param ... Not used.
#'
#' @return `summary()`: a list of three tibbles: `splits` with the number `n` of images by `split`
#'   and `class`; `batches`, the same by `batch`, with no rows where the source has none; and
#'   `channels` with the `mean` and `standard_deviation` of each colour channel of the training
#'   split, on the scale 0-255. `plot()`: a ggplot. `print()`: `x`, invisibly.
#' @section Errors:
#' `pycifar_error_data` where a class has fewer images than asked for, `pycifar_error_handle` after
#' the R session in which the data set was loaded.
#' @family data sets
#' @name cifar_dataset
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' summary(dataset)$channels
#' plot(dataset)
NULL

#' @rdname cifar_dataset
#' @export
print.cifar_dataset <- function(x, ...) {
  cat(
    sprintf("<cifar_dataset> %s\n", encodeString(x$name)),
    sprintf("images:  %s, %s pixels\n", describe_splits(x$splits), describe_shape(x$image_shape)),
    sprintf("classes: %s\n", describe_classes(x$class_names)),
    sprintf("source:  %s\n", encodeString(x$source)),
    sep = ""
  )
  invisible(x)
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
plot.cifar_dataset <- function(x, split = "train", n_per_class = 10, seed = 1, ...) {
  check_no_more("plot", ...)
  block <- python_call(
    "sample_images",
    live_handle(x, "x", "cifar_dataset"),
    one_value(split, "split", "the name of a split"),
    one_value(n_per_class, "n_per_class", "a single number"),
    one_value(seed, "seed", "a single number")
  )
  title <- sprintf("%s, split %s", x$name, split)
  plot_mosaic(array_from_bytes(block), x$class_names, title)
}

# Arrays of images and labels, by split, ready to cross; or the name of a source.
source_to_python <- function(source, call = rlang::caller_env()) {
  if (!is.list(source)) {
    return(one_value(source, "source", "the name of a source, or a list of arrays", call))
  }
  is_pair <- vapply(source, function(part) is.list(part) && length(part) == 2L, logical(1L))
  if (is.object(source) || is.null(names(source)) || !all(is_pair)) {
    abort_pycifar(
      "argument",
      "`source` as arrays must be list(train = list(images, labels), test = list(images, labels)).",
      call = call
    )
  }
  Map(part_to_python, source, names(source), MoreArgs = list(call = call))
}

part_to_python <- function(part, split, call) {
  part <- name_part(part)
  labels <- part$labels
  if (!(is.factor(labels) || is.character(labels)) || anyNA(labels)) {
    abort_argument(
      sprintf("source$%s$labels", split),
      "a factor or a character vector without missing values",
      labels,
      call
    )
  }
  list(
    images = image_block(part$images, call),
    labels = as.list(as.character(labels))
  )
}

name_part <- function(part) {
  if (is.null(names(part))) stats::setNames(part, c("images", "labels")) else part
}

# The levels of the first labels that are a factor.
levels_of_labels <- function(source) {
  for (part in source) {
    if (is.list(part) && length(part) == 2L && is.factor(name_part(part)$labels)) {
      return(levels(name_part(part)$labels))
    }
  }
  NULL
}

print_counts <- function(table, by) {
  columns <- factor(table[[by]], levels = unique(table[[by]]))
  counts <- tapply(table$n, list(table$class, columns), sum)
  print(rbind(counts, all = colSums(counts)))
}

describe_splits <- function(splits) {
  sizes <- format(unname(splits), big.mark = ",", trim = TRUE)
  paste(names(splits), sizes, collapse = ", ")
}

# With "x" where the locale has no other sign for it.
describe_shape <- function(shape) {
  paste(shape, collapse = if (l10n_info()[["UTF-8"]]) "\u00d7" else "x")
}

# In lines that fit the console, each below the first, which stands after so many signs.
describe_classes <- function(class_names, indent = nchar("classes: ")) {
  shown <- if (length(class_names) > 12L) c(class_names[1:11], "...") else class_names
  # Names may come from a stranger: what would move the cursor is escaped.
  text <- sprintf("%s (%d)", paste(encodeString(shown), collapse = ", "), length(class_names))
  paste(strwrap(text, getOption("width") - indent), collapse = paste0("\n", strrep(" ", indent)))
}

#' Images of a data set, and what they show
#'
#' @param dataset A data set from [cifar_load_dataset()].
#' @param which The numbers of the images in the split, from 1.
#' @param split The name of the split.
#' @return `cifar_images()`: raw bytes 0-255, of shape (n, height, width, 3), as
#'   [predict.cifar_trained_model()] takes them. `cifar_labels()`: a factor with all classes as
#'   levels.
#' @section Errors:
#' `pycifar_error_argument` for a number that is not in the split, `pycifar_error_data` where there
#' is no such split, and `pycifar_error_handle` after the R session of the data set.
#' @family data sets
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' images <- cifar_images(dataset, 1:3)
#' dim(images)
#' cifar_labels(dataset, 1:3)
cifar_images <- function(dataset, which, split = "test") {
  check_given(c("dataset", "which"))
  array_from_bytes(taken("images", dataset, which, split))
}

#' @rdname cifar_images
#' @export
cifar_labels <- function(dataset, which, split = "test") {
  check_given(c("dataset", "which"))
  labels <- taken("labels", dataset, which, split)
  factor(as_column(labels), levels = dataset$class_names)
}

taken <- function(entry_point, dataset, which, split, call = rlang::caller_env()) {
  python_call(
    entry_point,
    live_handle(dataset, "dataset", "cifar_dataset", call),
    several_values(which, "which", "whole numbers", call),
    one_value(split, "split", "the name of a split", call),
    call = call
  )
}
