# What an error tells: its classes, its call, its message, its fix.
seen <- function(code) {
  error <- tryCatch(code, error = identity)
  cat(class(error)[startsWith(class(error), "pycifar")], sep = "\n")
  cat("in", deparse(conditionCall(error)[1L]), "\n")
  cat(c(error$message, error$fix), sep = "\n")
}

test_that("an error from Python has its classes, the call of the user, and no traceback in sight", {
  skip_without_python()
  error <- expect_pycifar_error(cifar_build_model("cnn22"), "unknown_name")
  expect_identical(
    class(error)[1:3],
    c("pycifar_error_unknown_name", "pycifar_error_argument", "pycifar_error")
  )
  expect_identical(conditionCall(error), quote(cifar_build_model("cnn22")))
  expect_match(error$traceback, "Traceback (most recent call last)", fixed = TRUE)
  expect_identical(error$fix, "Did you mean \"cnn2\"?")
  expect_false(any(grepl("Traceback", format(error), fixed = TRUE)))
})

test_that("the option OutDec changes nothing that is printed, and warns of nothing", {
  skip_without_python()
  committed <- system.file("extdata", "reproduction.json", package = "pycifar")
  objects <- list(
    small_dataset(),
    summary(small_dataset()),
    invented_model(),
    summary(invented_model()),
    invented_evaluation(),
    summary(invented_evaluation()),
    cifar_load_reproduction(committed),
    structure(
      list(
        architecture = "cnn2",
        table = tibble::tibble(learning_rate = c(1e-6, 0.5), loss = 1, smoothed = 1),
        suggestion = 0.25
      ),
      class = "cifar_learning_rates"
    ),
    cifar_build_model("mlp_relu", seed = 1)
  )
  shown <- function() {
    texts <- lapply(objects, function(object) {
      if (inherits(object, "cifar_learning_rates")) {
        plot(object)
      }
      c(capture.output(print(object)), if (inherits(object, "cifar_dataset")) format(object))
    })
    refused <- expect_error(predict(small_model(), array(c(0, 1.5), c(32, 32, 3))))
    c(texts, conditionMessage(refused))
  }
  usual <- shown()
  withr::local_options(OutDec = ",")
  expect_identical(shown(), usual)
  expect_s3_class(ggplot2::ggplot_build(plot(invented_evaluation())), "ggplot_built")
})

test_that("errors read well", {
  skip_without_python()
  expect_snapshot({
    seen(cifar_train(small_dataset(), schedule = "cosinus"))
    seen(cifar_train(small_dataset(), epochs = NA))
    seen(cifar_train(small_dataset(), best_weights = "yes"))
    seen(cifar_load_dataset("folder"))
    seen(predict(small_model(), array(1.5, c(32, 32, 3))))
    seen(predict(small_model(), NULL))
    seen(cifar_save_model(small_model(), "model.h5"))
    seen(cifar_load_model("missing.keras"))
  })
})

test_that("braces in a message mean nothing", {
  expect_pycifar_error(abort_pycifar("data", "{stop()} {.val x}", fix = "{y}"), "data", "{.val x}")
  answer <- list(kinds = "data", message = "the file {x}", fix = NULL, traceback = "")
  expect_pycifar_error(abort_from_python(answer, environment()), "data", "the file {x}")
})

test_that("errors of Python name constants and functions as R does", {
  skip_without_python()
  expect_pycifar_error(
    cifar_train(small_dataset(), best_weights = "None"),
    "argument",
    "`best_weights` must be TRUE or FALSE, not \"None\"."
  )
  expect_pycifar_error(
    cifar_train(small_dataset(), learning_rate = Inf),
    "argument",
    "not Inf."
  )
  path <- withr::local_tempfile(fileext = ".keras")
  keras <- reticulate::import("keras")
  keras$Sequential(list(keras$Input(shape = list(2L)), keras$layers$Dense(2L)))$save(path)
  error <- expect_pycifar_error(cifar_load_model(path), "model_file", "not saved by pycifar")
  expect_match(error$fix, "cifar_adopt_model() makes a trained model of", fixed = TRUE)
})

test_that("warnings of Python are conditions of R, with their kind", {
  warnings <- list(list(kind = "time_budget", message = "The budget {of} x was too short."))
  warned <- tryCatch(
    warn_from_python(warnings, environment()),
    pycifar_warning_time_budget = identity
  )
  expect_s3_class(warned, "pycifar_warning")
  expect_identical(conditionMessage(warned), "The budget {of} x was too short.")
})

test_that("the help page lists each kind of warning that Python has", {
  skip_without_python()
  errors <- reticulate::import("pycifar.errors")
  help <- utils::help("pycifar_conditions", package = "pycifar")
  text <- paste(utils::capture.output(tools::Rd2txt(utils:::.getHelpFile(help))), collapse = " ")
  for (class in errors$PycifarWarning$`__subclasses__`()) {
    expect_match(text, paste0("pycifar_warning_", class$kind, "\\b"))
  }
})

test_that("the help page lists each kind of error that Python has", {
  skip_without_python()
  errors <- reticulate::import("pycifar.errors")
  descendants <- function(class) {
    below <- class$`__subclasses__`()
    c(class$kind, unlist(lapply(below, descendants)))
  }
  kinds <- setdiff(descendants(errors$PycifarError), "pycifar")
  help <- utils::help("pycifar_conditions", package = "pycifar")
  text <- paste(utils::capture.output(tools::Rd2txt(utils:::.getHelpFile(help))), collapse = " ")
  for (kind in c(kinds, "internal")) {
    expect_match(text, paste0("pycifar_error_", kind, "\\b"))
  }
})

# A BMP file that claims so many pixels a side, and holds none.
claim_pixels <- function(path, side) {
  header <- c(
    charToRaw("BM"),
    writeBin(c(54L, 0L, 54L, 40L, side, side), raw(), size = 4L, endian = "little"),
    writeBin(c(1L, 24L), raw(), size = 2L, endian = "little"),
    raw(24L)
  )
  writeBin(header, path)
}

test_that("what strangers give is answered in a sentence, with a fix where there is one", {
  skip_without_python()
  withr::local_dir(withr::local_tempdir())
  dir.create("folder")
  writeLines("no image", "text.png")
  claim_pixels("huge.bmp", 60000L)
  two <- array(0L, c(2, 32, 32, 3))
  load <- function(labels, ...) cifar_load_dataset(list(train = list(two, labels)), ...)
  wrong <- function(input_shape, n_classes) cifar_build_model("cnn2", n_classes = 3)
  fail <- list(on_epoch_end = function(epoch, logs) if (epoch == 2) stop("no more"))
  expect_snapshot({
    seen(load(factor(c("cat", NA))))
    seen(load(factor(c("cat", "dog")), class_names = c("cat", "cow")))
    seen(load(factor("cat")))
    seen(predict(small_model(), "nowhere.png"))
    seen(predict(small_model(), "folder"))
    seen(predict(small_model(), "folder/*.png"))
    seen(predict(small_model(), "text.png"))
    seen(predict(small_model(), "huge.bmp"))
    seen(predict(small_model(), array(0L, c(1, 0, 32, 3))))
    seen(predict(small_model(), array(0L, c(2, 8, 8, 3))))
    seen(predict(small_model(), data.frame(file = "a.png")))
    seen(cifar_train(small_dataset(), function(input_shape, n_classes) "a model"))
    seen(cifar_train(small_dataset(), wrong))
    seen(cifar_train(small_dataset(), function(input_shape, n_classes) stop("no Keras")))
    seen(cifar_train(small_dataset(), epochs = 3, callbacks = fail, verbose = 0))
  })
})

test_that("a model of a newer pycifar is refused", {
  skip_without_python()
  path <- withr::local_tempfile(fileext = ".keras")
  cifar_save_model(small_model(), path)
  file <- reticulate::import("pycifar.models.file")
  withr::defer(file$FORMAT <- 1L)
  file$FORMAT <- 0L
  expect_pycifar_error(cifar_load_model(path), "model_version", "reads up to 0")
})
