test_that("Python with Keras is there, and the synthetic data set is with it", {
  skip_without_python()
  expect_true(cifar_available())
  expect_true(cifar_available(NULL))
  expect_true(cifar_available("synthetic"))
})

test_that("another data set is an unknown name", {
  skip_without_python()
  error <- expect_pycifar_error(
    cifar_available("cifar-10"),
    "unknown_name",
    "`source` must be one of \"cifar10\", \"synthetic\", not \"cifar-10\"."
  )
  expect_identical(conditionCall(error), quote(cifar_available("cifar-10")))
  expect_identical(error$fix, "Did you mean \"cifar10\"?")
  expect_pycifar_error(cifar_available("folder"), "unknown_name")
  expect_pycifar_error(cifar_available(TRUE), "unknown_name", "not TRUE.")
})

test_that("what is no name is refused with and without Python", {
  expect_pycifar_error(cifar_available(NA), "argument", "`source` must be the name of a data set")
  expect_pycifar_error(cifar_available(c("cifar10", "synthetic")), "argument")
})

test_that("to ask neither loads Keras nor makes reticulate look for a Python of its own", {
  skip_without_python()
  out <- run_in_new_session(c(
    "library(pycifar)",
    "python <- Sys.getenv('RETICULATE_PYTHON')",
    "if (nzchar(python)) {",
    "  Sys.unsetenv('RETICULATE_PYTHON')",
    "  cat(cifar_available(), cifar_available('cifar10'), 'reticulate' %in% loadedNamespaces(), '\\n')",
    "  Sys.setenv(RETICULATE_PYTHON = python)",
    "}",
    "cat(cifar_available(), cifar_available('synthetic'), '\\n')",
    "loaded <- names(reticulate::import('sys')$modules)",
    "cat(any(c('keras', 'tensorflow', 'jax', 'torch') %in% loaded))"
  ))
  skip_if(Sys.getenv("RETICULATE_PYTHON") == "", "RETICULATE_PYTHON is not set")
  expect_identical(out, c("FALSE FALSE FALSE ", "TRUE TRUE ", "FALSE"))
})
