# What depends on whether CIFAR-10 is on this machine. Most of it holds either way; a test that needs
# the images is skipped without them.

load_some <- function() {
  cifar_load_dataset("cifar10", n_train = 500, n_test = 100, download = FALSE)
}

whole_cifar10 <- function() {
  skip_without_cifar10()
  once("cifar10", function() cifar_load_dataset("cifar10", download = FALSE))
}

test_that("CIFAR-10 is loaded where it is available, and else it is an error with a fix", {
  skip_without_python()
  if (cifar_available("cifar10")) {
    expect_identical(load_some()$splits, c(train = 500L, test = 100L))
  } else {
    error <- expect_pycifar_error(load_some(), "data_not_found", "CIFAR-10 is not in")
    expect_match(error$fix, "use the \"synthetic\" data set", fixed = TRUE)
  }
})

test_that("CIFAR-10 is not available where neither the variable nor the cache has it", {
  skip_without_python()
  skip_on_os(c("mac", "windows")) # whose caches are where the system says
  out <- run_in_new_session(
    c(
      "library(pycifar)",
      "cat(cifar_available('cifar10'), '\\n')",
      "error <- tryCatch(cifar_load_dataset('cifar10', download = FALSE), error = identity)",
      "cat(class(error)[[1]], '\\n')",
      "cat(error$fix)"
    ),
    c("PYCIFAR_DATA_DIR=", paste0("XDG_CACHE_HOME=", withr::local_tempdir()))
  )
  expect_identical(out[1:2], c("FALSE ", "pycifar_error_data_not_found "))
  expect_match(out[[3L]], "allow the download, or use the \"synthetic\" data set", fixed = TRUE)
})

test_that("a variable that names a place without CIFAR-10 is an error, not another data set", {
  skip_without_python()
  empty <- withr::local_tempdir()
  places <- list(
    list(file.path(empty, "nowhere"), "which does not exist."),
    list(empty, "which does not hold CIFAR-10: looked for cifar-10-batches-py/")
  )
  for (place in places) {
    withr::local_envvar(PYCIFAR_DATA_DIR = place[[1L]]) # while Python runs
    message <- sprintf("PYCIFAR_DATA_DIR names %s, %s", place[[1L]], place[[2L]])
    for (ask in list(function() cifar_available("cifar10"), load_some)) {
      error <- expect_pycifar_error(ask(), "data_not_found", message)
      expect_match(error$fix, "Give the folder that holds", fixed = TRUE)
    }
    expect_true(cifar_available())
    expect_true(cifar_available("synthetic"))
  }
})

test_that("CIFAR-10 is available where the variable names it", {
  skip_without_cifar10()
  expect_true(cifar_available("cifar10"))
})

test_that("CIFAR-10 has its published counts", {
  dataset <- whole_cifar10()
  expect_identical(dataset$splits, c(train = 50000L, test = 10000L))
  expect_identical(dataset$class_names[c(1, 4, 10)], c("airplane", "cat", "truck"))
  counts <- summary(dataset)
  expect_identical(counts$splits$n, rep(c(5000L, 1000L), each = 10L))
  expect_identical(unique(counts$batches$batch)[c(1, 6)], c("data_batch_1", "test_batch"))
})

test_that("images of CIFAR-10 are drawn", {
  expect_s3_class(plot(whole_cifar10()), "ggplot")
})

test_that("a network is trained on CIFAR-10", {
  skip_without_cifar10()
  some <- load_some()
  model <- cifar_train(some, epochs = 1, seed = 1, verbose = 0)
  expect_length(predict(model, some), 100L)
})
