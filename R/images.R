# Convert images between R and Python. They are passed as raw bytes in R's column-major order, with
# their shape.

# Return the images that predict() was called with in the form that Python takes.
images_to_python <- function(images, call = rlang::caller_env()) {
  if (inherits(images, "cifar_dataset")) {
    return(list(dataset = live_handle(images, "images", "cifar_dataset", call)))
  }
  if (is_picture(images)) {
    return(list(pictures = pictures_in(images)))
  }
  paths <- paths_in(images, call)
  if (!is.null(paths)) {
    # A missing path is an image that cannot be read.
    return(lapply(paths, function(path) if (!is.na(path)) path))
  }
  if (is_bare_list(images)) {
    return(listed_images(images, call))
  }
  image_block(
    images,
    call,
    "an array, image files, pictures of magick or grDevices, or a data set"
  )
}

# Return the paths in a data frame, a vector or a list as text. NULL stands for images of another
# kind.
paths_in <- function(images, call) {
  if (is.data.frame(images)) {
    return(column_of_paths(images, call))
  }
  if (is_bare_list(images) && length(images) > 0L && all(vapply(images, is_text, NA))) {
    images <- unlist(images)
  }
  if (is.character(images) || is.factor(images)) as.character(images)
}

# Return one image in the form that Python takes. `image` is an array, a picture or a path.
image_to_python <- function(image, call = rlang::caller_env()) {
  if (is_picture(image)) {
    pictures <- pictures_in(image)
    if (length(pictures) != 1L) {
      allowed <- "one picture, not several"
      abort_argument("image", allowed, image, call)
    }
    return(list(pictures = pictures))
  }
  if (is.character(image)) {
    return(one_value(image, "image", "an array or the path of an image file", call))
  }
  image_block(image, call, "an array, a picture or the path of an image file", "image")
}

# Return the column `path` of a data frame as text.
column_of_paths <- function(table, call) {
  path <- table[["path"]]
  if (is.character(path) || is.factor(path)) {
    return(as.character(path))
  }
  if (!is.null(path)) {
    abort_argument("path", "a column of file names", path, call)
  }
  abort_pycifar(
    "argument",
    sprintf(
      "A data frame of images must have a column `path` of file names; it has %s.",
      listing(paste0("`", names(table), "`"))
    ),
    call = call
  )
}

# Check whether a value is one text, such as a path of the package fs.
is_text <- function(x) {
  is.character(x) && length(x) == 1L
}

is_bare_list <- function(x) {
  is.list(x) && !is.object(x)
}

# Check whether a value is a picture of magick or a raster of grDevices.
is_picture <- function(x) {
  inherits(x, c("magick-image", "bitmap", "raster", "nativeRaster"))
}

# Check whether a value is one image as an array, (height, width) or (height, width, channels).
is_array_of_one <- function(x) {
  !is.object(x) && (is.numeric(x) || is.raw(x)) && length(dim(x)) %in% 2:3
}

# Return the pictures in an object as a list of bytes with shapes. One object of magick can hold
# several pictures.
pictures_in <- function(x) {
  if (inherits(x, "magick-image")) {
    upright <- magick::image_orient(x)
    frames <- lapply(seq_along(upright), function(i) magick::image_data(upright[i], "rgba"))
    return(lapply(frames, bitmap_block))
  }
  if (inherits(x, "bitmap")) {
    return(list(bitmap_block(x)))
  }
  channels <- if (inherits(x, "nativeRaster")) native_channels(x) else raster_channels(x)
  list(list(bytes = as.raw(channels), shape = as.list(c(dim(x)[1:2], 4L))))
}

# Return a bitmap of magick, (channel, column, row), as bytes and shape.
bitmap_block <- function(bitmap) {
  pixels <- aperm(unclass(bitmap), c(3L, 2L, 1L))
  list(bytes = as.vector(pixels), shape = as.list(dim(pixels)))
}

# Return the channels of a `nativeRaster` as a matrix with one row per channel. A `nativeRaster` has
# one integer per pixel, row by row. Its bytes are red, green, blue and alpha, the lowest byte
# first.
native_channels <- function(x) {
  pixels <- matrix(as.integer(x), nrow = dim(x)[[1L]], byrow = TRUE)
  bytes <- writeBin(as.vector(pixels), raw(), endian = "little")
  t(matrix(bytes, nrow = 4L))
}

# Return the channels of a `raster` as a matrix with one row per channel. A `raster` has one colour
# name per pixel.
raster_channels <- function(x) {
  colours <- matrix(as.character(x), nrow = dim(x)[[1L]], byrow = TRUE)
  t(grDevices::col2rgb(colours, alpha = TRUE))
}

# Return a list of pictures and arrays of any sizes in the form that Python takes.
listed_images <- function(images, call) {
  if (length(images) == 0L) {
    return(list())
  }
  images <- unname(images)
  pictures <- vapply(images, is_picture, NA)
  arrays <- vapply(images, is_array_of_one, NA)
  if (!all(pictures | arrays)) {
    allowed <- "a list of paths, or of pictures and arrays of shape (height, width, 3)"
    abort_pycifar(
      c("image", "data"),
      sprintf("`images` as a list must be %s.", allowed),
      call = call
    )
  }
  blocks <- vector("list", length(images))
  blocks[pictures] <- lapply(images[pictures], pictures_in)
  blocks[arrays] <- lapply(array_blocks(images[arrays], call), list)
  list(pictures = unlist(blocks, recursive = FALSE))
}

# Return arrays of any sizes as bytes with shapes. Whether their doubles are 0-1 or 0-255 is decided
# for all of them together: in one picture alone, black may be the only value.
array_blocks <- function(arrays, call) {
  if (length(arrays) == 0L) {
    return(list())
  }
  bytes <- image_block(unlist(arrays), call)$bytes
  of <- factor(rep(seq_along(arrays), lengths(arrays)), levels = seq_along(arrays))
  Map(
    function(bytes, array) list(bytes = bytes, shape = as.list(dim(array))),
    unname(split(bytes, of)),
    arrays
  )
}

# Return an array as bytes and shape. Python checks the shape.
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

# Return numbers as bytes. Doubles of which none is above 1 are taken as the range 0-1, other
# numbers as the range 0-255.
image_bytes <- function(images, call) {
  if (is.raw(images)) {
    return(as.vector(images))
  }
  if (length(images) == 0L) {
    return(raw())
  }
  range <- range(images)
  if (range[[1L]] < 0 || range[[2L]] > 255) {
    abort_image(sprintf("values from %s", paste(sprintf("%g", range), collapse = " to ")), call)
  }
  if (is.double(images) && range[[2L]] <= 1) {
    return(as.raw(round(images * 255)))
  }
  if (is.double(images) && any(images != trunc(images))) {
    abort_image(
      sprintf("fractions with values up to %g", range[[2L]]),
      call,
      fix = "Divide the images by 255, or round them."
    )
  }
  as.raw(images)
}

# Signal that the values of an image are not in an allowed range.
abort_image <- function(received, call, fix = NULL) {
  abort_pycifar(
    c("image", "data"),
    sprintf("Images must hold whole numbers 0-255 or fractions 0-1, not %s.", received),
    fix = fix,
    call = call
  )
}

# Return numbers from Python as an array. `block` has the bytes of little-endian doubles, and the
# shape.
array_from_doubles <- function(block) {
  n <- length(block$bytes) / 8L
  values <- readBin(block$bytes, "double", n = n, size = 8L, endian = "little")
  if (length(block$shape) == 0L) values else array(values, dim = unlist(block$shape))
}

# Return images from Python as a raw array. `block` has the bytes and the shape.
array_from_bytes <- function(block) {
  array(block$bytes, dim = unlist(block$shape))
}
