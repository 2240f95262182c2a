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
      "weight_decay"
    )
  )
  expect_true(all(c("cnn2", "cnn4") %in% architectures$architecture))
  expect_type(architectures$epochs, "integer")
  expect_type(architectures$learning_rate, "double")
})
