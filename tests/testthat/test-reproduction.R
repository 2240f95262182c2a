few <- function(...) {
  cifar_reproduce(..., epochs = 2, dataset = small_dataset(), verbose = 0)
}

test_that("systems are trained, and stated figures stand beside measured ones", {
  skip_without_python()
  found <- few(c("C", "softmax"), seeds = 1:2)
  expect_s3_class(found$table, "tbl_df")
  expect_identical(found$table$architecture, c("softmax", "mlp_relu"))
  expect_identical(found$table$seeds, c("1, 2", "1, 2"))
  expect_identical(found$table$stated_test, c(NA, 0.701))
  expect_identical(nrow(found$runs), 4L)
  expect_identical(
    names(found$history),
    c("architecture", "budget", "seed", "epoch", "split", "metric", "value")
  )
  expect_identical(format(found)$stated, c("", "0.7010"))
  expect_output(print(found), "C *mlp_relu *201,482 *2 epochs .* 0.7010")
  expect_s3_class(ggplot2::ggplot_build(plot(found)), "ggplot_built")
})

test_that("a call goes on where the last one stopped, and a file can be loaded", {
  skip_without_python()
  path <- withr::local_tempfile(fileext = ".json")
  first <- few("softmax", path = path)
  more <- few(c("softmax", "mlp_relu"), path = path)
  expect_identical(more$runs[1, ], first$runs)
  expect_identical(more$runs$architecture, c("softmax", "mlp_relu"))
  expect_equal(cifar_load_reproduction(path), more)
})

test_that("progress comes as messages", {
  skip_without_python()
  told <- testthat::capture_messages(
    cifar_reproduce("softmax", epochs = 1, dataset = small_dataset(), verbose = 2)
  )
  expect_match(told[[1]], "softmax, seed 1: epoch 1/1, test accuracy 0\\.\\d{4}")
  expect_match(told[[2]], "1/1  softmax, 1 epoch, seed 1: test accuracy 0\\.\\d{4} in \\d+ s")
})

test_that("what cannot be reproduced is refused", {
  skip_without_python()
  expect_pycifar_error(few("F"), "unknown_name", "`systems` must be one of")
  expect_pycifar_error(few("A", seeds = c(1, 1)), "argument", "`seeds` must all differ")
  expect_pycifar_error(
    few("A", time_budget = 3),
    "argument",
    "`time_budget` must be left out where `epochs` is given"
  )
  wrong <- withr::local_tempfile(fileext = ".json", lines = "{}")
  expect_pycifar_error(few("A", path = wrong), "data_format", "is not a reproduction")
  expect_identical(readLines(wrong), "{}")
})

test_that("a reproduction in which nothing was finished is empty", {
  skip_without_python()
  path <- withr::local_tempfile(
    lines = "{\"format\": 1, \"calls\": [], \"runs\": []}",
    fileext = ".json"
  )
  found <- cifar_load_reproduction(path)
  expect_identical(nrow(format(found)), 0L)
  expect_named(
    format(found),
    c("system", "architecture", "parameters", "budget", "train", "test", "stated", "difference")
  )
  expect_output(print(found), "0 trainings")
  expect_identical(nrow(found$history), 0L)
  expect_pycifar_error(plot(found), "argument", "no training was finished")
})
