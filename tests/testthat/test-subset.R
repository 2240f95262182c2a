test_that("a subset has the images that are asked for, in the order of the split", {
  dataset <- small_dataset()
  classes <- cifar_labels(dataset, split = "train")
  part <- subset(dataset, c(7, 3))
  expect_identical(part$splits, c(train = 2L, test = 100L))
  expect_identical(cifar_images(part, 1:2, "train"), cifar_images(dataset, c(3, 7), "train"))
  wanted <- c("circle", "square")
  of_class <- subset(dataset, class %in% wanted)
  expect_identical(of_class$splits[["train"]], sum(classes %in% wanted))
  expect_identical(subset(dataset, index <= 10, split = "test")$splits[["test"]], 10L)
  expect_identical(subset(dataset, rep(c(TRUE, FALSE), 100L))$splits[["train"]], 100L)
  expect_identical(subset(part, 1)$splits[["train"]], 1L)
})

test_that("a subset that cannot be is refused", {
  dataset <- small_dataset()
  for (which in list(integer(), c(1, 1), TRUE, rep(FALSE, 200L), "a", NA)) {
    expect_pycifar_error(subset(dataset, which), "argument", "`subset` must be different numbers")
  }
  expect_pycifar_error(subset(dataset, 201), "argument", "from 1 to 200, not 201")
  expect_pycifar_error(subset(dataset, 1, split = "dev"), "data", "has no split \"dev\"")
  expect_pycifar_error(subset(dataset), "argument", "`subset` must be given")
  expect_pycifar_error(dataset[1], "argument", "subset(dataset, 1:10")
})

test_that("folds hold each image out once, and can be trained on", {
  dataset <- small_dataset()
  folds <- cifar_folds(dataset, k = 4)
  expect_length(folds, 4L)
  for (fold in folds) {
    expect_identical(fold$splits, c(train = 150L, validation = 50L, test = 100L))
    expect_identical(as.vector(table(cifar_labels(fold, split = "validation"))), rep(5L, 10L))
  }
  model <- cifar_train(folds[[2L]], "softmax", epochs = 1, seed = 1)
  expect_identical(model$config$validation, "validation")
  groups <- rep(1:20, each = 10L)
  expect_identical(cifar_folds(dataset, 2, groups = groups)[[1L]]$splits[["validation"]], 100L)
  expect_pycifar_error(cifar_folds(dataset, k = 1), "argument", "`k` must be a whole number from 2")
  expect_pycifar_error(cifar_folds(dataset, groups = 1:3), "argument", "each of the 200 images")
})

test_that("parts of a data set come back in another session", {
  dataset <- small_dataset()
  part <- cifar_folds(subset(dataset, 1:60), k = 3)[[2L]]
  dead <- dead_copy(part)
  expect_output(print(dead), "at its first use it is loaded again")
  expect_identical(
    cifar_images(dead, 1:20, "validation"),
    cifar_images(part, 1:20, "validation")
  )
})
