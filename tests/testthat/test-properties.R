# Whatever an argument is, it is taken or refused with an error of pycifar: never one of R's or
# Python's own.

odd_values <- function() {
  list(
    NULL,
    NA,
    NaN,
    Inf,
    -Inf,
    NA_character_,
    NA_integer_,
    -1,
    0,
    1L,
    2,
    2.5,
    1e308,
    2^31,
    1i,
    TRUE,
    c(TRUE, NA),
    "",
    "cnn2",
    "test",
    "\u732b",
    "a\nb",
    character(),
    integer(),
    numeric(),
    list(),
    list(1, "a"),
    list(a = 1),
    c(a = 1, b = NA),
    1:3,
    letters,
    raw(3),
    factor(c("a", NA)),
    Sys.Date(),
    Sys.time(),
    matrix(1:4, 2),
    array(0, c(2, 32, 32, 3)),
    array(0L, c(0, 32, 32, 3)),
    array(NA_real_, c(1, 32, 32, 3)),
    array("a", c(1, 32, 32, 3)),
    data.frame(),
    data.frame(x = 1:2),
    quote(x),
    quote(x + y),
    y ~ x,
    expression(a),
    function(...) NULL,
    sum,
    new.env(),
    structure(list(), class = "cifar_trained_model"),
    structure(list(), class = "cifar_dataset"),
    small_dataset(),
    small_model(),
    strrep("a", 1e5),
    numeric_version("1.0"),
    ts(1:3),
    bquote(.(1))
  )
}

# Calls with each of the odd values in the place of each of these arguments, or with every so-manieth
# of them, others for each argument; those that come to an error must come to one of ours.
expect_ours <- function(call, arguments, values = odd_values(), every = 1L) {
  for (number in seq_along(arguments)) {
    name <- arguments[[number]]
    for (value in values[(seq_along(values) + number) %% every == 0L]) {
      given <- list(value)
      names(given) <- name
      condition <- tryCatch(
        suppressMessages({
          do.call(call, given, quote = TRUE)
          NULL
        }),
        pycifar_warning_time_budget = function(warning) NULL,
        error = identity
      )
      if (!is.null(condition) && !inherits(condition, "pycifar_error")) {
        what <- paste(class(value), collapse = "/")
        fail(sprintf("%s = <%s>: %s", name, what, conditionMessage(condition)))
      }
      if (inherits(condition, "pycifar_error_internal")) {
        fail(sprintf("%s: internal: %s", name, conditionMessage(condition)))
      }
    }
  }
  succeed()
}

test_that("arguments of a training", {
  skip_on_cran()
  skip_without_python()
  few <- cifar_load_dataset("synthetic", n_train = 20, n_test = 10)
  train <- function(...) {
    settings <- list(dataset = few, architecture = "mlp_relu", seed = 1, verbose = 0)
    given <- list(...)
    if (!"time_budget" %in% names(given)) {
      settings["epochs"] <- 1
    }
    settings[names(given)] <- given
    do.call(cifar_train, settings, quote = TRUE)
  }
  apart <- c("checkpoint_dir", "verbose", "epochs", "time_budget")
  # Each value that is taken trains a model.
  expect_ours(train, setdiff(names(formals(cifar_train)), apart), every = 4L)
  few_values <- list(NA, -1, 0, 1, "a", list(), NaN, Inf, 1:2, quote(x), function() 1, factor("a"))
  expect_ours(train, apart[-1L], few_values)
})

test_that("arguments of a data set", {
  skip_on_cran()
  skip_without_python()
  load <- function(...) {
    settings <- list(source = "synthetic", n_train = 20, n_test = 10)
    settings[names(list(...))] <- list(...)
    do.call(cifar_load_dataset, settings, quote = TRUE)
  }
  expect_ours(load, setdiff(names(formals(cifar_load_dataset)), "verbose"))
  labelled <- function(labels) {
    cifar_load_dataset(list(train = list(images = array(0L, c(2, 8, 8, 3)), labels = labels)))
  }
  expect_ours(labelled, "labels")
})

test_that("images to predict, and other arguments of what a model does", {
  skip_on_cran()
  model <- small_model()
  expect_ours(function(images) predict(model, images), "images")
  expect_ours(function(type) predict(model, test_images(), type = type), "type")
  expect_ours(function(tta) predict(model, test_images(), tta = tta), "tta")
  expect_ours(function(x) cifar_evaluate(x, small_dataset()), "x")
  expect_ours(function(x) cifar_evaluate(model, x), "x")
  expect_ours(function(split) cifar_evaluate(model, small_dataset(), split = split), "split")
  expect_ours(function(x) cifar_explain(model, x), "x")
  expect_ours(function(images) cifar_extract_features(model, images), "images")
  expect_ours(function(x) cifar_fingerprint(x), "x")
})

test_that("paths of models", {
  skip_on_cran()
  model <- small_model()
  folder <- withr::local_tempdir()
  withr::local_dir(folder)
  expect_ours(function(path) cifar_load_model(path), "path")
  expect_ours(function(path) cifar_save_model(model, path), "path")
  expect_ours(function(x) cifar_save_model(x, "m.keras"), "x", odd_values()[1:40])
  expect_identical(list.files(folder), character())
})
