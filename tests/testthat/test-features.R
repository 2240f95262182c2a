test_that("features are a matrix with named rows and columns", {
  skip_without_python()
  features <- cifar_extract_features(small_model(), small_dataset())
  expect_type(features, "double")
  expect_identical(dim(features), c(100L, 512L))
  expect_identical(rownames(features), as.character(1:100))
  expect_identical(colnames(features), paste0("feature_", 1:512))
  probabilities <- cifar_extract_features(small_model(), small_dataset(), layer = "probabilities")
  expected <- as.matrix(predict(small_model(), small_dataset(), type = "prob"))
  expect_identical(unname(probabilities), unname(expected))
  train <- cifar_extract_features(small_model(), small_dataset(), "pool1", split = "train")
  expect_identical(dim(train), c(200L, 32L))
})

test_that("a network that was not trained is no model", {
  skip_without_python()
  network <- cifar_build_model("softmax")
  expect_pycifar_error(
    cifar_extract_features(network, small_dataset()),
    "argument",
    "a model made by cifar_train() or cifar_load_model(), not an object of class"
  )
  expect_pycifar_error(
    cifar_evaluate(network, small_dataset()),
    "argument",
    "class"
  )
})

test_that("the head tells the classes from the features", {
  skip_without_python()
  features <- cifar_extract_features(small_model(), small_dataset())
  weights <- small_model()$keras_model$get_layer("probabilities")$get_weights()
  scores <- sweep(features %*% weights[[1L]], 2L, weights[[2L]], `+`)
  predicted <- small_model()$class_names[max.col(scores)]
  expect_identical(predicted, as.character(predict(small_model(), small_dataset())))
})

test_that("rows of files are named by their paths", {
  skip_without_python()
  folder <- wide_photographs()
  paths <- list.files(folder, recursive = TRUE, full.names = TRUE)
  features <- cifar_extract_features(small_model(), paths)
  expect_identical(rownames(features), paths)
  table <- data.frame(path = rev(paths))
  expect_identical(cifar_extract_features(small_model(), table), features[rev(paths), ])
  broken <- file.path(folder, "broken.png")
  writeLines("no picture", broken)
  expect_pycifar_error(cifar_extract_features(small_model(), broken), "data_format", "broken.png")
  expect_warning(
    found <- cifar_extract_features(small_model(), c(broken, paths), on_error = "skip"),
    class = "pycifar_warning_skipped"
  )
  expect_true(all(is.na(found[1L, ]) & !is.nan(found[1L, ])))
  expect_identical(found[-1L, ], features)
  unlink(broken)
  dataset <- cifar_load_dataset("folder", data_dir = folder, test_fraction = 0.4, verbose = FALSE)
  of_dataset <- cifar_extract_features(small_model(), dataset, split = "train")
  expect_identical(of_dataset, features[rownames(of_dataset), ])
})

test_that("arrays and pictures have features, and no image has none", {
  skip_without_python()
  images <- test_images(2L)
  features <- cifar_extract_features(small_model(), images)
  expect_identical(rownames(features), c("1", "2"))
  arrays <- list(images[1L, , , ], images[2L, , , ])
  expect_identical(cifar_extract_features(small_model(), arrays), features)
  picture <- as.raster(matrix(c("white", "black"), 40, 60))
  expect_identical(dim(cifar_extract_features(small_model(), picture)), c(1L, 512L))
  expect_identical(dim(cifar_extract_features(small_model(), list())), c(0L, 512L))
})

test_that("what has no features is refused", {
  skip_without_python()
  model <- small_model()
  images <- test_images(1L)
  refused <- function(kind, message, ...) {
    expect_pycifar_error(cifar_extract_features(model, ...), kind, message)
  }
  refused("unknown_name", "pool1", images, layer = "pool2")
  refused("argument", "`layer` must be", images, layer = c("pool1", "pool1"))
  refused("argument", "`split`", images, split = "test")
  refused("argument", "`on_error`", images, on_error = "no")
  refused("argument", "`verbose`", images, verbose = NA)
  refused("data", "no split", small_dataset(), split = "other")
  refused("argument", "`images` must be given")
})

test_that("progress is R's own messages", {
  skip_without_python()
  withr::local_options(pycifar.verbose = 1)
  withr::defer(reticulate::py_run_string("pycifar.console._LINE_AFTER = 10.0"))
  reticulate::py_run_string("import pycifar.console; pycifar.console._LINE_AFTER = 0")
  expect_message(
    cifar_extract_features(small_model(), test_images(2L)),
    "2 of 2 images",
    class = "pycifar_message_progress"
  )
  expect_no_message(cifar_extract_features(small_model(), test_images(2L), verbose = FALSE))
})
