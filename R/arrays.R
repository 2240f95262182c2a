# Convert arrays of images with their labels for Python. Labels are passed as class names, so that
# it does not matter whether numbers count from 0 or from 1.

# Return arrays of images and labels by split in the form that Python takes.
arrays_to_python <- function(source, class_names, call = rlang::caller_env()) {
  check_arrays(source, call)
  Map(
    function(part, split) {
      part <- name_part(part)
      list(
        images = images_or_list(part$images, call),
        labels = as.list(labels_to_python(part$labels, split, class_names, call))
      )
    },
    source,
    names(source)
  )
}

# Return the classes of arrays in order: the levels of the first labels that are a factor, or the
# values of numbers. NULL means the names in alphabetical order.
classes_of_arrays <- function(source, call = rlang::caller_env()) {
  check_arrays(source, call)
  labels <- lapply(source, function(part) name_part(part)$labels)
  factors <- Filter(is.factor, labels)
  if (length(factors) > 0L) {
    return(levels(factors[[1L]]))
  }
  if (length(labels) > 0L && all(vapply(labels, is.numeric, NA))) {
    values <- sort(unique(unlist(labels)))
    if (length(values) > 0L) label_names(values)
  }
}

# Check that there is a pair of images and labels for each split.
check_arrays <- function(source, call) {
  is_pair <- function(part) is.list(part) && length(part) == 2L
  if (is.object(source) || is.null(names(source)) || !all(vapply(source, is_pair, NA))) {
    abort_pycifar(
      "argument",
      "`source` as arrays must be list(train = list(images, labels), test = list(images, labels)).",
      call = call
    )
  }
  for (split in names(source)) {
    given <- names(source[[split]])
    if (!is.null(given) && !setequal(given, c("images", "labels"))) {
      abort_pycifar(
        "argument",
        sprintf(
          "`source$%s` must have `images` and `labels`; it has %s.",
          split,
          listing(paste0("`", given, "`"))
        ),
        call = call
      )
    }
  }
}

# Name the two elements of a split `images` and `labels`, if they have no names.
name_part <- function(part) {
  if (is.null(names(part))) stats::setNames(part, c("images", "labels")) else part
}

# Return images in the form that Python takes. `images` is an array, or pictures of magick, or a
# list of arrays and pictures.
images_or_list <- function(images, call) {
  if (is_picture(images)) {
    return(list(pictures = pictures_in(images)))
  }
  if (is_bare_list(images)) listed_images(images, call) else image_block(images, call)
}

# Return labels as class names.
labels_to_python <- function(labels, split, class_names, call) {
  if (is.matrix(labels) && ncol(labels) == 1L) {
    labels <- labels[, 1L] # as keras3 gives them
  }
  if (!is_label(labels)) {
    abort_argument(
      sprintf("source$%s$labels", split),
      "a factor, names, whole numbers or logical values, one per image and without missing values",
      labels,
      call,
      fix = if (is.matrix(labels)) "Make a factor of one-hot rows by factor(max.col(labels))."
    )
  }
  names <- label_names(labels)
  unknown <- setdiff(names, class_names)
  if (is.numeric(labels) && !is.null(class_names) && length(unknown) > 0L) {
    abort_unnamed_numbers(labels, unknown[[1L]], call)
  }
  names
}

# Check whether values can be labels.
is_label <- function(x) {
  if (!is.atomic(x) || is.matrix(x) || anyNA(x)) {
    return(FALSE)
  }
  is_whole <- is.numeric(x) && !is.object(x) && all(x == trunc(x))
  is_whole || inherits(x, c("factor", "character", "logical"))
}

# Return the name of each label. as.character() would write 100000 as 1e+05.
label_names <- function(labels) {
  if (is.numeric(labels)) sprintf("%.0f", labels) else as.character(labels)
}

# Signal that a number among the labels is none of the class names.
abort_unnamed_numbers <- function(labels, missing, call) {
  abort_pycifar(
    "data",
    sprintf("Numbers as labels are class names, and \"%s\" is not in `class_names`.", missing),
    fix = sprintf(
      "Name them first: factor(labels, levels = %s:%s, labels = class_names).",
      label_names(min(labels)),
      label_names(max(labels))
    ),
    call = call
  )
}
