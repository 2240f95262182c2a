test_that("loading the package starts neither Python nor reticulate, and loads no ggplot2", {
  out <- run_in_new_session(c(
    "library(pycifar)",
    "cat('loaded', 'reticulate' %in% loadedNamespaces(), 'ggplot2' %in% loadedNamespaces())"
  ))
  expect_true("loaded FALSE FALSE" %in% out)
})

test_that("reticulate is told what to install as soon as it is loaded, in either order", {
  orders <- list(
    c("library(pycifar)", "loadNamespace('reticulate')"),
    c("loadNamespace('reticulate')", "library(pycifar)")
  )
  for (order in orders) {
    out <- run_in_new_session(c(
      order,
      "cat(reticulate::py_require()$packages, sep = '\\n')",
      "cat(reticulate::py_available())"
    ))
    expect_true(all(python_packages %in% out))
    expect_identical(out[[length(out)]], "FALSE")
  }
})

test_that("Keras computes by oneDNN's kernels, also where it is imported before pycifar is", {
  skip_without_python()
  skip_if_not(R.version$arch == "x86_64", "oneDNN is asked for on x86 alone")
  expect_true(other_session()$onednn)
  expect_false(worker_answers()$parallel[[3L]])
})

test_that("the packages asked for are those that the Python package asks for", {
  pyproject <- test_path("../../pyproject.toml")
  skip_if_not(file.exists(pyproject), "pyproject.toml is not here")
  lines <- readLines(pyproject)
  start <- which(lines == "dependencies = [")
  dependencies <- lines[(start + 1L):length(lines)]
  dependencies <- dependencies[seq_len(which(dependencies == "]")[[1L]] - 1L)]
  expect_identical(gsub("[\" ,]", "", dependencies), python_packages)
  expect_true(sprintf("requires-python = \">=%s\"", oldest_python) %in% lines)
})

test_that("reticulate is asked for in the version that DESCRIPTION asks for", {
  imports <- utils::packageDescription("pycifar", fields = "Imports")
  expect_match(imports, sprintf("reticulate (>= %s)", oldest_reticulate), fixed = TRUE)
})

test_that("a Python that is not there is an error with a fix, and the doctor says so", {
  out <- run_in_new_session(
    c(
      "library(pycifar)",
      "error <- tryCatch(cifar_list_architectures(), error = identity)",
      "cat(class(error)[1:2], '\\n')",
      "cat(conditionMessage(error), '\\n')",
      "cat(cifar_doctor()$ok)"
    ),
    "RETICULATE_PYTHON=/nowhere/python"
  )
  expect_identical(out[[1L]], "pycifar_error_dependency pycifar_error ")
  expect_match(paste(out, collapse = " "), "Set the environment variable RETICULATE_PYTHON")
  expect_identical(out[[length(out)]], "FALSE")
})

test_that("another version of the Python package is refused", {
  error <- expect_pycifar_error(check_versions("99.0", rlang::current_env()), "dependency", "99.0")
  expect_match(error$fix, "Install both from the same sources")
  expect_null(check_versions(as.character(packageVersion("pycifar")), rlang::current_env()))
})

test_that("a null pointer is dead, a live one is not", {
  expect_true(is_dead(NULL))
  handle <- small_dataset()$handle
  expect_false(is_dead(handle))
  expect_true(is_dead(dead_copy(handle)))
})

test_that("no handler of the user jumps out of a function that Python calls", {
  from_python <- callable_from_python(function(x) {
    message("half way")
    x + 1
  })
  # As in Python: an error in the function ends the call, and then the condition is signalled.
  call <- function() {
    result <- tryCatch(from_python(1), error = function(error) "an error for Python")
    signal_deferred()
    result
  }
  expect_identical(tryCatch(call(), message = function(m) "theirs"), "theirs")
  expect_null(bridge$deferred)
  expect_identical(suppressMessages(call()), 2)
  expect_message(call(), "half way")
})

test_that("a jump to a restart is an error that says so, and says nothing twice", {
  note <- list(
    on_epoch_end = function(epoch, logs) {
      message("half way")
      invokeRestart("out")
    }
  )
  train <- function() cifar_train(small_dataset(), "softmax", epochs = 1, callbacks = note)
  shown <- capture.output(type = "message", {
    expect_pycifar_error(
      withRestarts(train(), out = function() "out"),
      "callback",
      "`on_epoch_end` failed: it was left by a jump, such as a restart"
    )
  })
  expect_identical(shown, "half way")
  expect_identical(
    withRestarts(
      withCallingHandlers(train(), message = function(m) invokeRestart("out")),
      out = function() "out"
    ),
    "out"
  )
})

test_that("errors and interrupts are left to reticulate", {
  fails <- callable_from_python(function() stop("boom"))
  expect_error(fails(), "boom")
  expect_null(bridge$deferred)
})

test_that("a forked process gets an error where it would else wait for ever", {
  skip_on_os("windows")
  model <- small_model()
  errors <- suppressWarnings(parallel::mclapply(
    1:2,
    function(i) {
      tryCatch(predict(model, test_images()), error = identity)
    },
    mc.cores = 2
  ))
  for (error in errors) {
    expect_s3_class(error, "pycifar_error_forked")
    expect_match(error$fix, "hand models over as saved files")
  }
  expect_length(predict(model, test_images()), 4L)
})

test_that("the bridge holds while R collects garbage at every turn", {
  images <- test_images(8L)
  expected <- predict(small_model(), images, type = "prob")
  few <- cifar_load_dataset("synthetic", n_train = 60, n_test = 20)
  train <- function() cifar_train(few, "softmax", epochs = 1, seed = 1, verbose = 0)
  fingerprint <- cifar_fingerprint(train())
  withr::defer(gctorture2(0))
  gctorture2(10) # at every tenth allocation
  found <- predict(small_model(), images, type = "prob")
  gctorture2(500)
  trained <- train()
  evaluation <- cifar_evaluate(trained, few)
  error <- tryCatch(cifar_train(few, "unknown"), error = identity)
  gctorture2(0)
  expect_identical(found, expected)
  expect_identical(cifar_fingerprint(trained), fingerprint)
  expect_identical(evaluation$accuracy, cifar_evaluate(trained, few)$accuracy)
  expect_s3_class(error, "pycifar_error_unknown_name")
})

test_that("a reticulate that cannot be loaded is named with the reason", {
  skip_if_not_installed("callr")
  broken <- withr::local_tempdir()
  dir.create(file.path(broken, "reticulate"))
  writeLines(
    c("Package: reticulate", "Version: 9.9"),
    file.path(broken, "reticulate", "DESCRIPTION")
  )
  error <- callr::r(
    function() tryCatch(pycifar::cifar_load_dataset("synthetic"), error = identity),
    libpath = c(broken, .libPaths())
  )
  expect_s3_class(error, "pycifar_error_dependency")
  expect_match(conditionMessage(error), "which cannot be loaded: .*reticulate")
})

test_that("a Python that lacks what pycifar needs is named with the way out, printed too", {
  skip_if_not_installed("callr")
  skip_on_os("windows")
  bare <- Sys.which("python3")
  environment <- withr::local_tempdir()
  skip_if(system2(bare, c("-m", "venv", "--without-pip", environment), stdout = FALSE) != 0)
  printed <- callr::r(
    function() {
      error <- tryCatch(pycifar::cifar_load_dataset("synthetic"), error = identity)
      list(class = class(error), printed = utils::capture.output(print(error)))
    },
    libpath = .libPaths(),
    env = c(callr::rcmd_safe_env(), RETICULATE_PYTHON = file.path(environment, "bin", "python"))
  )
  expect_true("pycifar_error_dependency" %in% printed$class)
  expect_match(paste(printed$printed, collapse = " "), "-m pip +install")
})
