# Faults that users of other packages reported in public: here, what was right all along holds. Each
# test names the report that it follows.

test_that("set.seed() alone makes a training reproducible", {
  # Follows rstudio/keras3 #42 and #1296.
  dataset <- small_dataset()
  weights <- function(seed) {
    withr::with_seed(seed, cifar_fingerprint(cifar_train(dataset, "softmax", 1, verbose = 0)))
  }
  expect_identical(weights(3), weights(3))
  expect_false(identical(weights(3), weights(4)))
})

test_that("a model is kept by saveRDS()", {
  # Follows rstudio/keras3 #407 and r-lib/callr #118: a null pointer.
  model <- small_model()
  path <- withr::local_tempfile(fileext = ".rds")
  saveRDS(model, path)
  expect_identical(
    predict(readRDS(path), test_images(), type = "prob"),
    predict(model, test_images(), type = "prob")
  )
})

# Three images of each class, one colour a class.
coloured <- function() {
  images <- array(0L, c(9L, 8L, 8L, 3L))
  for (colour in 1:3) {
    images[(1:3) * 3L - 3L + colour, , , colour] <- 255L
  }
  images
}

test_that("levels keep their order, and predictions follow it", {
  # Follows citoverse/cito #61, tidymodels/parsnip #782 and imbs-hl/ranger #626.
  skip_without_python()
  names <- rep(c("red", "lime", "blue"), 3L)
  for (order in list(c("red", "lime", "blue"), c("lime", "blue", "red"))) {
    labels <- factor(names, levels = order)
    dataset <- cifar_load_dataset(list(train = list(coloured(), labels)))
    expect_identical(levels(dataset), order)
    model <- cifar_train(
      dataset,
      "softmax",
      epochs = 150,
      batch_size = 9,
      learning_rate = 0.1,
      validation = NULL,
      seed = 1,
      verbose = 0
    )
    expect_identical(predict(model, coloured()), labels)
    probabilities <- predict(model, coloured(), type = "prob")
    expect_identical(names(probabilities), paste0(".pred_", order))
    expect_identical(order[max.col(as.matrix(probabilities), "first")], names)
  }
})

test_that("labels that are numbers are names, which count from nowhere", {
  # Follows mlverse/torch #408 and #681.
  skip_without_python()
  dataset <- cifar_load_dataset(list(train = list(coloured(), rep(1:3, 3L))))
  expect_identical(levels(dataset), c("1", "2", "3"))
  expect_identical(cifar_labels(dataset, split = "train"), factor(rep(1:3, 3L)))
})

test_that("an image, a list of images and an array of them are the same to predict()", {
  # Follows rstudio/keras3 #540 and #283, and rstudio/tfdatasets #20.
  model <- small_model()
  images <- test_images(3L)
  each <- lapply(1:3, function(i) images[i, , , ])
  expected <- predict(model, images)
  expect_identical(predict(model, each), expected)
  expect_identical(predict(model, each[[2L]]), expected[2L])
})

test_that("height is height, and width is width", {
  # Follows keras-team/keras #15071 and rstudio/keras3 #178: R's arrays are column-major.
  skip_without_python()
  images <- array(seq_len(2L * 16L * 32L * 3L) %% 251L, c(2L, 16L, 32L, 3L))
  dataset <- cifar_load_dataset(list(train = list(images, c("a", "b"))))
  expect_identical(dataset$image_shape, c(16L, 32L, 3L))
  back <- cifar_images(dataset, 1:2, "train")
  expect_identical(array(as.integer(back), dim(back)), images)
})

test_that("a patience of one epoch does not end the first", {
  # Follows mlverse/luz #63.
  model <- cifar_train(
    small_dataset(),
    "softmax",
    epochs = 3,
    early_stopping = 1,
    validation = NULL,
    seed = 1,
    verbose = 0
  )
  expect_gt(model$epochs_done, 1L)
})
