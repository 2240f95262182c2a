test_that("the loss is found at each rate until it breaks away", {
  found <- cifar_find_learning_rate(small_dataset(), "lenet5", steps = 30, seed = 1)
  expect_s3_class(found, "cifar_learning_rates")
  expect_identical(names(found$table), c("learning_rate", "loss", "smoothed"))
  expect_lt(nrow(found$table), 31L)
  expect_gt(found$suggestion, 1e-6)
  expect_lt(found$suggestion, 10)
  expect_output(print(found), "<cifar_learning_rates> lenet5, [0-9]+ steps from 1e-06 to ")
  expect_s3_class(plot(found), "ggplot")
  expect_s3_class(ggplot2::autoplot(found), "ggplot")
})

test_that("a search that found nothing says so", {
  nothing <- structure(
    list(
      architecture = "cnn2",
      table = tibble::tibble(learning_rate = double(), loss = double(), smoothed = double()),
      suggestion = NA_real_
    ),
    class = "cifar_learning_rates"
  )
  expect_output(print(nothing), "the loss was never a finite number")
  expect_pycifar_error(plot(nothing), "argument", "There is nothing to draw")
})

test_that("what makes no sense is refused", {
  search <- function(...) cifar_find_learning_rate(small_dataset(), ...)
  expect_pycifar_error(search(steps = 3), "argument", "`steps` must be")
  expect_pycifar_error(search(lowest = 1, highest = 0.5), "argument", "`highest` must be")
  expect_pycifar_error(search(lowest = 1:2), "argument", "`lowest` must be a single number")
})
