#' Load a data set of labelled images
#'
#' The images stay in Python's memory, as bytes, or are read from their files as they are needed.
#' The R object only refers to them. In another R session, it loads itself again, unless it was made
#' of arrays; see [cifar_dataset]. [`subset()`][subset.cifar_dataset] and [cifar_folds()] make
#' smaller data sets of it.
#'
#' @details
#' * `"cifar10"` reads the published batches, in the Python or the binary layout, unpacked or as the
#'   archive.
#' * `"synthetic"` draws ten classes of shapes and patterns. It needs neither files nor a network
#'   connection.
#' * `"folder"` reads image files from `data_dir/<split>/<class>/`. The folders of the splits are
#'   called `train`; `val`, `valid` or `validation`; and `test`, in any case. If none is called
#'   `train` or `test` and there are other folders, each folder in `data_dir` is a class, and all
#'   images are training images. Images in subfolders of a class belong to it. Folders that are
#'   hidden or that systems add by themselves, such as `__MACOSX` and `@eaDir`, are no classes.
#' * A data frame, or the path of a CSV file (in UTF-8, with commas), has the columns `path` and
#'   `label`, and one row per image file. The columns `split` (the names of the folders above),
#'   `group` and `weight` may be there, and others are not looked at. Labels are class names: a
#'   factor, whose levels are the classes, or other values, which are taken as they are written. A
#'   split of the package rsample, as `initial_split()` makes it of a data frame, stands for its
#'   training and its testing rows.
#' * A list of arrays has the form
#'   `list(train = list(images, labels), test = list(images, labels))`. Images are an array, or a
#'   list of arrays, pictures of magick and rasters, in the forms that
#'   [`predict()`][predict.cifar_trained_model] accepts. Labels are class names: a factor, whose
#'   levels are the classes, or a character vector. Whole numbers and logical values are taken as
#'   the names that they are written as, such as `"0"` or `"TRUE"`. It makes no difference whether
#'   numbers count from 0 or from 1. To give numbers other names, make a factor:
#'   `factor(labels, levels = 0:1, labels = c("cat", "dog"))`.
#' * An object of Python that gives images with labels, such as a `tf.data.Dataset`.
#'
#' A split `"validation"` is what [cifar_train()] validates on, unless it is told otherwise.
#' Pictures that are in `"train"` and in another split are told by a warning of class
#' `pycifar_warning_data`, as are classes of image files with one training image, and classes of
#' which all images are held out or left out. What was passed over is in `dataset$skipped`. A
#' warning of class `pycifar_warning_skipped` tells of it, unless it is files alone that are hidden
#' or that a system added.
#'
#' @param source `"cifar10"`, `"synthetic"` or `"folder"`. Or a data frame, the path of a CSV file,
#'   a split of rsample, or a list of arrays.
#' @param data_dir For `"cifar10"`, a folder with the batches, one of the archives, or a folder that
#'   contains any of these. `NULL` uses the place that the environment variable `PYCIFAR_DATA_DIR`
#'   names. If it is not set, `NULL` uses the user's cache folder, and downloads CIFAR-10 into it if
#'   it is not there. For `"folder"`, the folder with the images. For a table, the folder that its
#'   paths are relative to; `NULL` is the folder of the CSV file, or the working directory.
#' @param n_train The number of training images to select, with the classes in proportion. `NULL`
#'   selects all. For `"synthetic"`, the number to draw; `NULL` draws 5,000.
#' @param n_test The number of test images, like `n_train`. For `"synthetic"`, `NULL` draws 1,000.
#' @param class_names For all but `"cifar10"` and `"synthetic"`, the class names in order, as a
#'   character vector. `NULL` uses the levels of a factor, the values of numbers, otherwise the
#'   names in alphabetical order.
#' @param image_size The size in pixels to which images are resized: one number for height and
#'   width, or `c(height, width)`, each from 1 to 1,024. `NULL` means 32 for image files, and the
#'   size that all images have for arrays.
#' @param download Whether CIFAR-10 may be downloaded (170 MB, once).
#' @param seed A whole number from 0 to 2^31 - 1. It determines which images are selected, held out
#'   or drawn. `NULL` draws a seed.
#' @param resize For files, and arrays with an `image_size`, what is done with images of another
#'   size:
#'   * `"squash"` scales height and width each by its own factor. It keeps the whole image,
#'     distorted.
#'   * `"crop"` keeps the proportions, covers the size, and cuts off what is beyond two edges.
#'   * `"pad"` keeps the proportions and the whole image, on black.
#'
#'   `list(how = "crop", filter = "lanczos")` names the filter as well: `"bilinear"` (otherwise),
#'   `"lanczos"`, `"bicubic"`, `"hamming"`, `"box"` or `"nearest"`. A model that is trained on the
#'   data set does the same with the files that it predicts. `"squash"` is the default because it
#'   loses nothing of an image, and `"bilinear"` because it is fast, and trains networks as well as
#'   `"lanczos"`.
#' @param test_fraction The share of the split `"train"` to hold out as the split `"test"`, above 0
#'   and below 1, drawn with the seed, with the classes in proportion. `NULL` holds none out. It
#'   must be `NULL` if there is a split `"test"`.
#' @param validation_fraction The same for the split `"validation"`. Both are shares of all images
#'   that `"train"` had.
#' @param groups What must stay together where images are held out, such as pictures of one object.
#'   For a table, the name of a column; `NULL` uses the column `group`, if there is one. For
#'   `"folder"`, a regular expression of Python: what its groups match in a path below `data_dir`,
#'   written with `/`, or else all that it matches. For both and for arrays, a vector with one value
#'   per image, in the order of the rows, or of the files and images of `"train"`, `"validation"`
#'   and `"test"`. [cifar_train()] and [cifar_folds()] keep groups together as well.
#' @param on_error What to do with image files that cannot be read: `"stop"` signals an error that
#'   names them. `"skip"` goes on without them, and `dataset$skipped` lists them.
#' @param follow_links Whether image files may lie outside `data_dir`, where links or `..` lead.
#'   Absolute paths of a table always may.
#' @param in_memory For files, whether all images are in memory, where each takes
#'   3 × height × width bytes. With `FALSE`, each image is read whenever it is needed. A training
#'   reads images ahead of its steps. All results are the same, bit for bit. If a file changes
#'   afterwards, it is an error to read it. `NULL` keeps the images in memory if they take at most
#'   half of the memory that is free, and there is no `cache_dir`. `print()` says where they are.
#' @param cache_dir For files, a folder for a cache of the images that are not in memory: a file
#'   of 3 × height × width bytes per image. Images are read from it many times as fast as from files
#'   that must be decoded. It is written once, and used again as long as the files and how they are
#'   resized stay the same. [cifar_clear_cache()] removes it. `NULL` writes no cache.
#' @param verbose What to show of the progress of a download, and of reading many images. 0 or
#'   `FALSE`: nothing. 1, 2 or `TRUE`: all. The default is the option `pycifar.verbose`, as in
#'   [cifar_train()].
#' @param ... Not used. An argument of another name is an error, which names the right one.
#'
#' @return An object of class `cifar_dataset`, a list with
#'   * `handle`: the reference to the Python object.
#'   * `kept`: an environment with what loads the data set again in another session.
#'   * `name`: the name of the data set.
#'   * `source`: where the images came from.
#'   * `class_names`: the classes, in order.
#'   * `image_shape`: height and width in pixels, and 3.
#'   * `resize`: how image files were resized, a list with `how` and `filter`; `NULL` for other
#'     sources.
#'   * `storage`: where the images of files are, in words: in memory, or read from where; `NULL` for
#'     other sources.
#'   * `splits`: the number of images in each split, by name.
#'   * `skipped`: a tibble with the `path` of each file and folder that was passed over, and the
#'     `reason`.
#' @section Errors:
#' `pycifar_error_argument`, `pycifar_error_data` and the classes below it; see
#' [pycifar_conditions].
#' @source A. Krizhevsky (2009), *Learning Multiple Layers of Features from Tiny Images*,
#'   <https://www.cs.toronto.edu/~kriz/cifar.html>.
#' @family data sets
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' dataset
#' summary(dataset)
#'
#' # A table of image files: three shades of grey, and where they are
#' folder <- tempfile()
#' dir.create(folder)
#' photos <- data.frame(path = paste0(1:30, ".jpg"), label = rep(c("dark", "light"), each = 15))
#' for (i in 1:30) {
#'   shade <- grDevices::grey((i + (i > 15) * 20) / 51)
#'   grDevices::jpeg(file.path(folder, photos$path[[i]]), 40, 40, bg = shade)
#'   graphics::par(mar = rep(0, 4))
#'   graphics::plot.new()
#'   grDevices::dev.off()
#' }
#' cifar_load_dataset(photos, data_dir = folder, test_fraction = 0.2)
cifar_load_dataset <- function(
  source = "cifar10",
  data_dir = NULL,
  n_train = NULL,
  n_test = NULL,
  class_names = NULL,
  image_size = NULL,
  download = TRUE,
  seed = 1,
  resize = "squash",
  test_fraction = NULL,
  validation_fraction = NULL,
  groups = NULL,
  on_error = "stop",
  follow_links = FALSE,
  in_memory = NULL,
  cache_dir = NULL,
  verbose = verbosity(),
  ...
) {
  check_no_more("cifar_load_dataset", ...)
  # A data set that loads itself again must have the same images.
  seed <- if (is.null(seed)) draw_seed() else seed
  table <- if (is_table(source)) as_data_frame(source)
  is_arrays <- is.null(table) && is.list(source)
  classes <- class_names
  if (is.null(classes)) {
    classes <- if (is_arrays) classes_of_arrays(source) else classes_of_table(table)
  }
  arguments <- list(
    if (is.null(table)) source_to_python(source, classes),
    table = if (!is.null(table)) table_to_python(table),
    data_dir = one_value(data_dir, "data_dir", "a path"),
    n_train = one_value(n_train, "n_train", "a single number"),
    n_test = one_value(n_test, "n_test", "a single number"),
    class_names = several_values(classes, "class_names", "names without missing values"),
    image_size = size_of_images(image_size),
    download = one_value(download, "download", "TRUE or FALSE"),
    seed = one_value(seed, "seed", "a single number"),
    resize = resizing(resize),
    test_fraction = one_value(test_fraction, "test_fraction", "a single number"),
    validation_fraction = one_value(validation_fraction, "validation_fraction", "a single number"),
    groups = groups_to_python(groups),
    on_error = one_value(on_error, "on_error", "\"stop\" or \"skip\""),
    follow_links = one_value(follow_links, "follow_links", "TRUE or FALSE"),
    in_memory = one_value(in_memory, "in_memory", "TRUE, FALSE or NULL"),
    cache_dir = one_value(cache_dir, "cache_dir", "a path"),
    verbose = one_value(verbose, "verbose", "0, 1, 2, TRUE or FALSE")
  )
  handle <- load_in_python(arguments)
  new_dataset(handle, if (!is_arrays && !is_python_object(source)) with_whole_paths(arguments))
}

# Return a source that is no table in the form that Python takes.
source_to_python <- function(source, classes, call = rlang::caller_env()) {
  if (is_python_object(source)) {
    return(source)
  }
  if (is.list(source)) {
    return(arrays_to_python(source, classes, call))
  }
  one_value(source, "source", "the name of a source, a table, or a list of arrays", call)
}

# Return groups in the form that Python takes: one text, or a list with one value per image.
groups_to_python <- function(groups, call = rlang::caller_env()) {
  if (is.character(groups) && length(groups) == 1L) {
    return(one_value(groups, "groups", "a text, or a vector without missing values", call))
  }
  if (is.numeric(groups) && !is.object(groups)) {
    groups <- label_names(groups)
  }
  several_values(groups, "groups", "a text, or a vector without missing values", call)
}

# Return arguments of the entry point `load_dataset` that mean the same in another folder.
with_whole_paths <- function(arguments) {
  for (name in intersect(c("data_dir", "cache_dir"), names(Filter(Negate(is.null), arguments)))) {
    arguments[[name]] <- whole_path(arguments[[name]])
  }
  if (is.null(arguments$data_dir) && !is.null(arguments$table)) {
    arguments$table$path <- lapply(arguments$table$path, whole_path, must_work = FALSE)
  }
  if (is.character(arguments[[1L]]) && grepl("[.]csv$", arguments[[1L]], ignore.case = TRUE)) {
    arguments[[1L]] <- whole_path(arguments[[1L]])
  }
  arguments
}

# Load a data set in Python, with R's own progress bar, and return its handle.
load_in_python <- function(arguments, call = rlang::caller_env()) {
  progress <- new_progress()
  on.exit(progress$close())
  rlang::inject(python_call(
    "load_dataset",
    !!!arguments,
    write_line = progress$write_line,
    update_bar = progress$update_bar,
    call = call
  ))
}

# Return the size of images, which is one number, or height and width.
size_of_images <- function(image_size, call = rlang::caller_env()) {
  allowed <- "a single number, or height and width"
  if (length(image_size) > 1L) {
    return(several_values(image_size, "image_size", allowed, call))
  }
  one_value(image_size, "image_size", allowed, call)
}

# Return how images are resized: a name, or a list of `how` and `filter`.
resizing <- function(resize, call = rlang::caller_env()) {
  allowed <- "\"squash\", \"crop\" or \"pad\", or a list of `how` and `filter`"
  if (is_bare_list(resize) || length(resize) > 1L) {
    return(named_values(resize, "resize", allowed, call))
  }
  one_value(resize, "resize", allowed, call)
}

# Make a `cifar_dataset` from a handle. `arguments` load it again in another session; they are NULL
# for arrays. `steps` then make it of what was loaded: each has the name of an entry point and
# further arguments.
new_dataset <- function(handle, arguments = NULL, steps = NULL) {
  description <- python_call("describe_dataset", handle)
  structure(
    list(
      handle = handle,
      kept = rlang::env(
        rlang::empty_env(),
        arguments = arguments,
        steps = steps,
        has_files = description$has_files,
        content = description$content
      ),
      name = description$name,
      source = description$source,
      class_names = as_column(description$class_names),
      image_shape = unlist(description$image_shape),
      splits = unlist(description$splits),
      skipped = tibble::tibble(
        path = as.character(unlist(description$skipped$path)),
        reason = as.character(unlist(description$skipped$reason))
      ),
      resize = description$resize,
      storage = description$storage
    ),
    class = "cifar_dataset"
  )
}
