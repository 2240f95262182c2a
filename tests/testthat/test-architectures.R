test_that("the architectures are a tibble with the recipe of each", {
  skip_without_python()
  architectures <- cifar_list_architectures()
  expect_s3_class(architectures, "tbl_df")
  expect_named(
    architectures,
    c(
      "architecture",
      "summary",
      "origin",
      "epochs",
      "batch_size",
      "optimizer",
      "learning_rate",
      "schedule",
      "weight_decay",
      "image_size",
      "parameters",
      "multiply_adds",
      "weights",
      "weights_origin",
      "weights_licence"
    )
  )
  expect_true(all(c("cnn2", "cnn4") %in% architectures$architecture))
  expect_type(architectures$epochs, "integer")
  expect_type(architectures$learning_rate, "double")
  expect_type(architectures$image_size, "integer")
  expect_type(architectures$multiply_adds, "double")
})

test_that("published weights are named with their origin and licence, or are NA", {
  skip_without_python()
  architectures <- cifar_list_architectures()
  row <- architectures[architectures$architecture == "resnet50_v2", ]
  expect_identical(row$weights, "imagenet")
  expect_identical(row$weights_licence, "BSD-3-Clause")
  expect_match(row$weights_origin, "^https://.*notop[.]h5$")
  expect_identical(row$parameters, 23585290L)
  expect_identical(row$multiply_adds, 3480227840)
  others <- architectures[architectures$image_size == 32L, ]
  expect_identical(others$architecture[!is.na(others$weights)], "fastnet")
  expect_identical(is.na(architectures$weights), is.na(architectures$weights_origin))
})
