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
    expect_pycifar_error(crossing_images(images), kind, message)
  }
  refused(array(NA, c(32, 32, 3)), "not NA.")
  refused(array(NA_integer_, c(32, 32, 3)), "not NA.")
  refused(array(NaN, c(32, 32, 3)), "not NaN.")
  refused(array(c(-1, 0), c(32, 32, 3)), "not values from -1 to 0.")
  refused(array(c(0, 256), c(32, 32, 3)), "not values from 0 to 256.")
  refused(array(Inf, c(32, 32, 3)), "not values from Inf to Inf.")
  refused(array(c(0, 1.5), c(32, 32, 3)), "Divide the images by 255, or round them.")
  refused(array(TRUE, c(2, 2)), "not a logical array of shape (2, 2).", "argument")
  refused(NULL, "an array, paths of image files, or a data set, not NULL.", "argument")
  refused(mtcars, "not a data frame.", "argument")
  refused(list(1), "not list(1).", "argument")
  refused(c("a.png", NA), "paths without missing values", "argument")
})

test_that("a block of doubles comes back with its dimensions", {
  values <- array(c(0.25, -1, 2, 3, 4, 5), c(2, 3))
  block <- list(bytes = writeBin(as.vector(values), raw()), shape = list(2L, 3L))
  expect_identical(array_from_doubles(block), values)
})
