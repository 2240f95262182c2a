# Images between R and Python: raw bytes in R's column-major order, with the shape.

# What predict() takes as images, ready to cross.
crossing_images <- function(images, call = rlang::caller_env()) {
  if (inherits(images, "cifar_dataset")) {
    return(list(dataset = live_handle(images, "images", "cifar_dataset", call), split = "test"))
  }
  if (is.character(images)) {
    return(several_values(images, "images", "paths without missing values", call))
  }
  image_block(images, call, "an array, paths of image files, or a data set")
}

# One image: an array or a path.
crossing_image <- function(image, call = rlang::caller_env()) {
  if (is.character(image)) {
    return(one_value(image, "image", "an array or the path of an image file", call))
  }
  image_block(image, call, "an array or the path of an image file", "image")
}

# An array of numbers as bytes and shape; Python checks the shape.
image_block <- function(images, call, allowed = "an array", name = "images") {
  missing <- is.atomic(images) && !is.character(images) && anyNA(images)
  if (missing) {
    abort_image(if (any(is.nan(images))) "NaN" else "NA", call)
  }
  if (is.object(images) || !(is.numeric(images) || is.raw(images))) {
    abort_argument(name, allowed, images, call)
  }
  list(
    bytes = image_bytes(images, call),
    shape = as.list(if (is.null(dim(images))) length(images) else dim(images))
  )
}

# Numbers 0-1 if all are within, else whole numbers 0-255, as bytes.
image_bytes <- function(images, call) {
  if (is.raw(images)) {
    return(as.vector(images))
  }
  if (length(images) == 0L) {
    return(raw())
  }
  range <- range(images)
  if (range[[1L]] < 0 || range[[2L]] > 255) {
    abort_image(sprintf("values from %s to %s", format(range[[1L]]), format(range[[2L]])), call)
  }
  if (is.double(images) && range[[2L]] <= 1) {
    return(as.raw(round(images * 255)))
  }
  if (is.double(images) && any(images != trunc(images))) {
    abort_image(
      sprintf("fractions with values up to %s", format(range[[2L]])), call,
      fix = "Divide the images by 255, or round them."
    )
  }
  as.raw(images)
}

abort_image <- function(received, call, fix = NULL) {
  abort_pycifar(
    c("image", "data"),
    sprintf("Images must hold whole numbers 0-255 or fractions 0-1, not %s.", received),
    fix = fix,
    call = call
  )
}

# The numbers of a block of doubles from Python, with their dimensions.
array_from_doubles <- function(block) {
  n <- length(block$bytes) / 8L
  values <- readBin(block$bytes, "double", n = n, size = 8L, endian = "little")
  array(values, dim = unlist(block$shape))
}

# The bytes of a block of images from Python, as raw with dimensions.
array_from_bytes <- function(block) {
  array(block$bytes, dim = unlist(block$shape))
}
