# A folder with five pictures for each of two classes.
folder_of_pictures <- function(env = parent.frame()) {
  skip_if_not_installed("png")
  folder <- withr::local_tempdir(.local_envir = env)
  withr::local_seed(1)
  for (class in c("cat", "dog")) {
    dir.create(file.path(folder, class))
    for (i in 1:5) {
      pixels <- array(runif(16 * 16 * 3), c(16, 16, 3))
      png::writePNG(pixels, file.path(folder, class, paste0(i, ".png")))
    }
  }
  folder
}

test_that("images that are not in memory give the weights of those that are", {
  skip_without_python()
  folder <- folder_of_pictures()
  cache <- withr::local_tempdir()
  load <- function(...) cifar_load_dataset("folder", folder, image_size = 16, ...)
  weights <- function(dataset) {
    cifar_fingerprint(cifar_train(dataset, "softmax", epochs = 2, seed = 1, verbose = 0))
  }
  whole <- load(in_memory = TRUE)
  read <- load(in_memory = FALSE)
  cached <- load(cache_dir = cache)
  expect_identical(weights(read), weights(whole))
  expect_identical(weights(cached), weights(whole))
  images <- function(dataset) cifar_images(dataset, c(9, 2), split = "train")
  expect_identical(images(read), images(whole))
  expect_identical(images(cached), images(whole))
  expect_output(print(whole), "storage: in memory", fixed = TRUE)
  expect_output(print(read), "storage: read from their files as needed", fixed = TRUE)
  expect_output(print(cached), "storage: read from the cache ", fixed = TRUE)
  expect_null(small_dataset()$storage)
  expect_identical(cifar_clear_cache(cache), 512L + 10L * 16L * 16L * 3L)
  expect_identical(cifar_clear_cache(cache), 0L)
})

test_that("a picture that changes ends the training, and the model so far is kept", {
  skip_without_python()
  folder <- folder_of_pictures()
  cache <- withr::local_tempdir()
  dataset <- cifar_load_dataset("folder", folder, image_size = 16, in_memory = FALSE)
  cached <- cifar_load_dataset("folder", folder, image_size = 16, cache_dir = cache)
  change <- list(on_epoch_begin = function(epoch, logs) {
    if (epoch == 2) {
      unlink(file.path(folder, "cat", "1.png"))
    }
  })
  error <- expect_pycifar_error(
    cifar_train(dataset, "softmax", epochs = 3, callbacks = change, validation = NULL, verbose = 0),
    "images_changed",
    "has changed or is gone since the data set was loaded"
  )
  expect_s3_class(error, c("pycifar_error_training", "pycifar_error_data"), exact = FALSE)
  expect_identical(error$model$epochs_done, 1L)
  expect_length(cached, 10L)
  png::writePNG(array(0, c(16, 16, 3)), file.path(folder, "cat", "1.png"))
  expect_warning(
    cifar_load_dataset("folder", folder, image_size = 16, cache_dir = cache),
    "written anew: its image files have changed",
    class = "pycifar_warning_cache"
  )
})
