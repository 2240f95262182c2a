test_that("the loss is found at each rate until it breaks away", {
  found <- cifar_find_learning_rate(small_dataset(), "softmax", seed = 1)
  expect_s3_class(found, "cifar_learning_rates")
  expect_identical(names(found$table), c("learning_rate", "loss", "smoothed"))
  expect_lt(nrow(found$table), 101L)
  expect_identical(names(found$trials), c("learning_rate", "loss"))
  expect_gt(nrow(found$trials), 2L)
  expect_gt(found$suggestion, 1e-6)
  expect_lt(found$suggestion, 10)
  expect_identical(found$reason, NA_character_)
  expect_output(print(found), "<cifar_learning_rates> softmax, [0-9]+ steps from 1e-06 to ")
  expect_output(print(found), paste("suggestion", format_rate(found$suggestion)), fixed = TRUE)
  expect_s3_class(plot(found), "ggplot")
  expect_s3_class(ggplot2::autoplot(found), "ggplot")
})

test_that("a search that found no rate says why", {
  found <- cifar_find_learning_rate(
    small_dataset(),
    "softmax",
    highest = 1e-5,
    steps = 20,
    seed = 1
  )
  expect_identical(found$suggestion, NA_real_)
  expect_identical(found$reason, "the loss was lowest near the highest rate")
  sentence <- "no suggestion, because the loss was lowest near the highest rate"
  expect_output(print(found), sentence)
  expect_identical(plot(found)$labels$subtitle, sentence)
})

test_that("a loss that was never a number is not drawn", {
  nothing <- structure(
    list(
      architecture = "cnn2",
      table = tibble::tibble(learning_rate = double(), loss = double(), smoothed = double()),
      trials = tibble::tibble(learning_rate = double(), loss = double()),
      suggestion = NA_real_,
      reason = "the loss was never a finite number"
    ),
    class = "cifar_learning_rates"
  )
  expect_output(print(nothing), "because the loss was never a finite number")
  expect_pycifar_error(plot(nothing), "argument", "There is nothing to draw")
})

test_that("what makes no sense is refused", {
  search <- function(...) cifar_find_learning_rate(small_dataset(), ...)
  expect_pycifar_error(search(steps = 3), "argument", "`steps` must be")
  expect_pycifar_error(search(lowest = 1, highest = 0.5), "argument", "`highest` must be")
  expect_pycifar_error(search(lowest = 1:2), "argument", "`lowest` must be a single number")
  expect_pycifar_error(search(verbose = 3), "argument", "`verbose` must be a whole number")
})
