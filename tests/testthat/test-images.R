test_that("integers, whole doubles and raw bytes are the same bytes", {
  images <- test_images(2L)
  bytes <- image_bytes(images, NULL)
  expect_type(bytes, "raw")
  expect_identical(image_bytes(images + 0, NULL), bytes)
  expect_identical(image_bytes(array(bytes, dim(images)), NULL), bytes)
  expect_identical(as.integer(bytes), as.vector(images))
})

test_that("doubles of at most 1 are shares of 255", {
  expect_identical(as.integer(image_bytes(c(0, 0.2, 0.5, 1), NULL)), c(0L, 51L, 128L, 255L))
  expect_identical(as.integer(image_bytes(c(0L, 1L), NULL)), 0:1)
})

test_that("the shape crosses as it is, for Python to judge", {
  expect_identical(image_block(test_images(2L), NULL)$shape, list(2L, 32L, 32L, 3L))
  expect_identical(image_block(c(1, 2, 3), NULL)$shape, list(3L))
  expect_identical(image_block(array(0, c(0, 32, 32, 3)), NULL)$shape, list(0L, 32L, 32L, 3L))
})

test_that("what is no image is refused here, where Python could not see it", {
  refused <- function(images, message, kind = "image") {
    expect_pycifar_error(images_to_python(images), kind, message)
  }
  refused(array(NA, c(32, 32, 3)), "not NA.")
  refused(array(NA_integer_, c(32, 32, 3)), "not NA.")
  refused(array(NaN, c(32, 32, 3)), "not NaN.")
  refused(array(c(-1, 0), c(32, 32, 3)), "not values from -1 to 0.")
  refused(array(c(0, 256), c(32, 32, 3)), "not values from 0 to 256.")
  refused(array(Inf, c(32, 32, 3)), "not values from Inf to Inf.")
  refused(array(c(0, 1.5), c(32, 32, 3)), "Divide the images by 255, or round them.")
  refused(array(TRUE, c(2, 2)), "not a logical array of shape (2, 2).", "argument")
  refused(
    NULL,
    "an array, image files, pictures of magick or grDevices, or a data set, not NULL.",
    "argument"
  )
  refused(mtcars[1:2], "must have a column `path` of file names; it has `mpg`, `cyl`.", "argument")
  listed <- data.frame(path = I(list("a.png", c("b.png", "c.png"))))
  refused(listed, "`path` must be a column of file names, not", "argument")
  refused(list(1), "a list of paths, or of pictures and arrays of shape (height, width, 3)")
  refused(list("a.png", array(0, c(9, 9, 3))), "a list of paths, or of pictures")
  refused(list(array(0, c(2, 32, 32, 3))), "a list of paths, or of pictures")
  refused(list(array(0, c(9, 9, 3)), array(NA_real_, c(16, 32, 3))), "not NA.")
})

test_that("a list of paths is what a vector of them is", {
  paths <- c("a.png", NA, "b.png")
  expect_identical(images_to_python(as.list(paths)), list("a.png", NULL, "b.png"))
  expect_identical(images_to_python(as.list(paths)), images_to_python(paths))
})

test_that("a block of doubles comes back with its dimensions", {
  values <- array(c(0.25, -1, 2, 3, 4, 5), c(2, 3))
  block <- list(bytes = writeBin(as.vector(values), raw()), shape = list(2L, 3L))
  expect_identical(array_from_doubles(block), values)
})

# Red, green, blue and half transparent black, in two rows.
four_pixels <- function() {
  grDevices::as.raster(matrix(c("#FF0000", "#0000FF", "#00FF00", "#00000080"), 2L))
}

test_that("a list of arrays has one range of values", {
  night <- array(c(0, 1), c(6, 5, 3))
  day <- array(c(0, 200), c(4, 9))
  blocks <- images_to_python(list(night, four_pixels(), day))$pictures
  expect_identical(
    lapply(blocks, `[[`, "shape"),
    list(list(6L, 5L, 3L), list(2L, 2L, 4L), list(4L, 9L))
  )
  expect_identical(as.integer(blocks[[1L]]$bytes), as.integer(night))
  expect_identical(as.integer(blocks[[3L]]$bytes), as.integer(day))
  blocks <- images_to_python(list(night, night))$pictures
  expect_identical(as.integer(blocks[[2L]]$bytes), as.integer(255 * night))
})

test_that("rasters cross row by row with their alpha", {
  block <- images_to_python(four_pixels())$pictures[[1L]]
  expect_identical(block$shape, list(2L, 2L, 4L))
  pixels <- array(as.integer(block$bytes), unlist(block$shape))
  expect_identical(pixels[1, 1, ], c(255L, 0L, 0L, 255L))
  expect_identical(pixels[1, 2, ], c(0L, 255L, 0L, 255L))
  expect_identical(pixels[2, 1, ], c(0L, 0L, 255L, 255L))
  expect_identical(pixels[2, 2, ], c(0L, 0L, 0L, 128L))
})

test_that("native rasters are what png::readPNG() gives", {
  skip_if_not_installed("png")
  path <- withr::local_tempfile(fileext = ".png")
  png::writePNG(as.matrix_of_channels(four_pixels()), path)
  native <- png::readPNG(path, native = TRUE)
  expect_identical(images_to_python(native), images_to_python(four_pixels()))
  expect_length(images_to_python(list(native, four_pixels()))$pictures, 2L)
})

test_that("pictures of magick are turned upright, and one object may hold several", {
  skip_if_not_installed("magick")
  path <- withr::local_tempfile(fileext = ".png")
  png::writePNG(as.matrix_of_channels(four_pixels()), path)
  picture <- magick::image_read(path)
  expect_identical(images_to_python(picture), images_to_python(four_pixels()))
  expect_length(images_to_python(c(picture, picture))$pictures, 2L)
  bitmap <- magick::image_data(picture, "rgba")
  expect_identical(images_to_python(bitmap), images_to_python(picture))
  expect_identical(images_to_python(list(bitmap, picture)), images_to_python(c(picture, picture)))
  grey <- magick::image_data(picture, "gray")
  expect_identical(images_to_python(grey)$pictures[[1L]]$shape, list(2L, 2L, 1L))
})

test_that("pictures are resized, and predict as their files do", {
  skip_if_not_installed("png")
  path <- withr::local_tempfile(fileext = ".png")
  pixels <- withr::with_seed(1, array(runif(40 * 50 * 3), c(40, 50, 3)))
  png::writePNG(pixels, path)
  expected <- predict(small_model(), path, type = "prob")
  native <- png::readPNG(path, native = TRUE)
  expect_identical(predict(small_model(), native, type = "prob"), expected)
  raster <- grDevices::as.raster(png::readPNG(path))
  expect_identical(predict(small_model(), raster, type = "prob"), expected)
  table <- data.frame(path = rep(path, 2L), name = c("a", "b"))
  expect_length(predict(small_model(), table), 2L)
  expect_length(predict(small_model(), file.path(dirname(path), "*.png")), 1L)
})

test_that("what png reads is predicted as the file is", {
  skip_if_not_installed("png")
  path <- withr::local_tempfile(fileext = ".png")
  for (channels in 1:4) {
    size <- c(40, 50, if (channels > 1L) channels)
    png::writePNG(withr::with_seed(1, array(runif(prod(size)), size)), path)
    pixels <- png::readPNG(path)
    expected <- predict(small_model(), path, type = "prob")
    expect_identical(predict(small_model(), pixels, type = "prob"), expected)
    both <- predict(small_model(), list(pixels, test_images(1L)[1, , , ] / 255), type = "prob")
    expect_equal(both[1L, ], expected, tolerance = 1e-6)
    explained <- cifar_explain(small_model(), pixels)
    expect_identical(explained, cifar_explain(small_model(), path))
  }
})

test_that("a bitmap of magick is predicted as its file is", {
  skip_if_not_installed("magick")
  path <- withr::local_tempfile(fileext = ".png")
  png::writePNG(withr::with_seed(1, array(runif(40 * 50 * 3), c(40, 50, 3))), path)
  expected <- predict(small_model(), path, type = "prob")
  for (channels in c("rgb", "rgba")) {
    bitmap <- magick::image_data(magick::image_read(path), channels)
    expect_identical(predict(small_model(), bitmap, type = "prob"), expected)
    expect_identical(cifar_explain(small_model(), bitmap), cifar_explain(small_model(), path))
  }
})
