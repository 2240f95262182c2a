lines_of <- function(code) {
  lines <- character()
  withCallingHandlers(code, pycifar_message_progress = function(message) {
    lines <<- c(lines, conditionMessage(message))
    invokeRestart("muffleMessage")
  })
  lines
}

test_that("where no terminal is, there is a message an epoch", {
  withr::local_options(cli.dynamic = FALSE, pycifar.verbose = 1)
  lines <- lines_of(cifar_train(small_dataset(), "softmax", epochs = 2, seed = 1))
  expect_match(lines, "^epoch [12]/2  .*loss [0-9.]+.*  [0-9.]+ s\n?$")
  expect_length(lines, 2L)
})

test_that("0 says nothing, and 2 says it in lines even on a terminal", {
  withr::local_options(cli.dynamic = TRUE)
  train <- function(verbose) {
    cifar_train(small_dataset(), "mlp_relu", epochs = 1, seed = 1, verbose = verbose)
  }
  expect_silent(train(0))
  expect_length(lines_of(train(2)), 1L)
})

# Trainings and reproductions of one epoch.
with_progress <- function() {
  list(
    function(...) cifar_train(small_dataset(), "mlp_relu", epochs = 1, seed = 1, ...),
    function(...) cifar_reproduce("mlp_relu", epochs = 1, dataset = small_dataset(), ...)
  )
}

# What shows its progress only if it takes long.
with_long_progress <- function() {
  list(
    function(...) cifar_load_dataset("synthetic", n_train = 10, n_test = 10, ...),
    function(...) cifar_find_learning_rate(small_dataset(), "softmax", steps = 10, seed = 1, ...),
    function(...) cifar_extract_features(small_model(), small_dataset(), ...)
  )
}

test_that("FALSE is 0 and TRUE is 1, in each function and by the option", {
  withr::local_options(cli.dynamic = FALSE)
  for (run in with_progress()) {
    expect_silent(run(verbose = FALSE))
    expect_length(lines_of(run(verbose = TRUE)), 1L)
    withr::with_options(list(pycifar.verbose = FALSE), expect_silent(run()))
    withr::with_options(list(pycifar.verbose = TRUE), expect_length(lines_of(run()), 1L))
  }
  for (run in with_long_progress()) {
    expect_silent(run(verbose = 0))
    expect_silent(run(verbose = TRUE))
  }
})

test_that("what is no verbosity is refused, by the option, too", {
  for (run in c(with_progress(), with_long_progress())) {
    for (wrong in list(3, -1, 0.5, "1", NULL, NA, c(0, 1))) {
      expect_pycifar_error(run(verbose = wrong), "argument", "`verbose` must be")
    }
    withr::with_options(
      list(pycifar.verbose = "yes"),
      expect_pycifar_error(run(), "argument", "`verbose` must be")
    )
  }
})

test_that("a bar is for a terminal, and not for knitr", {
  withr::local_options(cli.dynamic = TRUE)
  expect_true(has_bar())
  expect_type(new_progress()$update_bar, "closure")
  withr::local_options(knitr.in.progress = TRUE)
  expect_false(has_bar())
  expect_null(new_progress()$update_bar)
})

test_that("on a terminal a bar shows the figures, and each epoch leaves its line", {
  withr::local_options(cli.dynamic = TRUE, cli.progress_show_after = 0, cli.ansi = FALSE)
  shown <- capture.output(type = "message", {
    progress <- new_progress()
    progress$update_bar(0.25, "loss 2.5000")
    progress$write_line("epoch 1/4  loss 2.5000  1.0 s")
    progress$update_bar(1, "loss 2.2500")
    progress$write_line("epoch 4/4  loss 2.2500  1.0 s")
    progress$close()
  })
  shown <- gsub("\u00a0", " ", paste(shown, collapse = "\n"))
  expect_match(shown, "epoch 1/4  loss 2.5000  1.0 s", fixed = TRUE)
  expect_match(shown, "epoch 4/4  loss 2.2500  1.0 s", fixed = TRUE)
  expect_match(shown, "25%")
})

test_that("tests are silent unless the option says otherwise", {
  expect_identical(verbosity(), 0)
  withr::with_options(list(pycifar.verbose = 2), expect_identical(verbosity(), 2))
  withr::with_options(list(pycifar.verbose = FALSE), expect_identical(verbosity(), FALSE))
  withr::with_envvar(c(TESTTHAT = ""), expect_identical(verbosity(), 1))
})

test_that("a bar that is full loses nothing of what was trained", {
  withr::local_options(cli.dynamic = TRUE, cli.progress_show_after = 0)
  dataset <- small_dataset()
  capture.output(type = "message", {
    model <- cifar_train(dataset, "softmax", epochs = 1, batch_size = 180, seed = 1, verbose = 1)
    found <- cifar_reproduce("softmax", epochs = 1, dataset = dataset, verbose = 1)
  })
  expect_identical(model$epochs_done, 1L)
  expect_identical(nrow(found$runs), 1L)
})

test_that("reading images shows its progress as a training does", {
  skip_if_not_installed("png")
  console <- reticulate::import("pycifar.console")
  names <- c("_BAR_AFTER", "_BAR_EVERY", "_LINE_AFTER", "_LINE_EVERY")
  before <- lapply(names, function(name) console[[name]])
  on.exit(
    for (i in seq_along(names)) {
      console[[names[[i]]]] <- before[[i]]
    }
  )
  for (name in names) {
    console[[name]] <- 0
  }
  folder <- wide_photographs()
  withr::local_options(cli.dynamic = FALSE, pycifar.verbose = 1)
  lines <- lines_of(cifar_load_dataset("folder", folder))
  expect_length(lines, 10L)
  expect_match(lines[[3L]], "^3 of 10 images, [0-9,]+ a second ...\n?$")
  expect_silent(cifar_load_dataset("folder", folder, verbose = FALSE))
  withr::local_options(cli.dynamic = TRUE)
  shown <- cli::cli_fmt(dataset <- cifar_load_dataset("folder", folder))
  expect_length(dataset, 10L)
})

test_that("reading images can be interrupted", {
  skip_if_not_installed("png")
  skip_on_os("windows")
  folder <- wide_photographs()
  for (i in 1:3000) {
    file.copy(
      file.path(folder, "train", "dark", "1.png"),
      file.path(folder, "train", "dark", sprintf("copy%d.png", i))
    )
  }
  lines <- run_and_interrupt(
    withr::local_tempdir(),
    c(
      "library(pycifar)",
      "invisible(cifar_load_dataset('synthetic', n_train = 10, n_test = 10))",
      "console <- reticulate::import('pycifar.console')",
      "console$`_LINE_AFTER` <- 0", # one line, once there is an image
      "console$`_LINE_EVERY` <- 1e6",
      sprintf("folder <- '%s'", folder),
      "tryCatch(",
      "  withCallingHandlers(",
      "    repeat cifar_load_dataset('folder', folder, image_size = 1024, verbose = 2),",
      "    pycifar_message_progress = function(message) {",
      "      if (!file.exists('running')) writeLines(as.character(Sys.getpid()), 'running')",
      "    }",
      "  ),",
      "  interrupt = function(condition) cat('interrupted\\n')",
      ")",
      "names <- vapply(reticulate::import('threading')$enumerate(), function(t) t$name, '')",
      "cat(sum(startsWith(names, 'pycifar-read')), 'readers\\n')",
      "cat('the end\\n')"
    )
  )
  expect_true(all(c("interrupted", "0 readers") %in% lines))
})
