test_that("a saved model comes back with its weights, history and settings", {
  path <- withr::local_tempfile(fileext = ".keras")
  saved <- withVisible(cifar_save_model(small_model(), path))
  expect_false(saved$visible)
  expect_identical(saved$value, path)
  loaded <- cifar_load_model(path)
  same <- setdiff(names(small_model()), c("handle", "kept"))
  expect_identical(unclass(loaded)[same], unclass(small_model())[same])
  expect_identical(
    predict(loaded, small_dataset(), type = "prob"),
    predict(small_model(), small_dataset(), type = "prob")
  )
})

test_that("the state of the optimizer may be left out, and a training starts it anew", {
  whole <- withr::local_tempfile(fileext = ".keras")
  path <- withr::local_tempfile(fileext = ".keras")
  cifar_save_model(small_model(), whole)
  cifar_save_model(small_model(), path, include_optimizer = FALSE)
  expect_lt(file.size(path), 0.7 * file.size(whole))
  loaded <- cifar_load_model(path)
  expect_identical(cifar_fingerprint(loaded), cifar_fingerprint(small_model()))
  expect_warning(
    cifar_train(small_dataset(), loaded, epochs = 1, verbose = 0),
    class = "pycifar_warning_optimizer"
  )
  expect_pycifar_error(
    cifar_save_model(small_model(), path, TRUE, NA),
    "argument",
    "`include_optimizer` must be TRUE or FALSE"
  )
})

test_that("an existing file is replaced only when asked for", {
  path <- withr::local_tempfile(lines = "precious", fileext = ".keras")
  expect_pycifar_error(cifar_save_model(small_model(), path), "output_exists")
  expect_identical(readLines(path), "precious")
  cifar_save_model(small_model(), path, overwrite = TRUE)
  expect_s3_class(cifar_load_model(path), "cifar_trained_model")
})

test_that("a folder that cannot be written to is an error, and nothing is left there", {
  skip_on_os("windows")
  small_model()
  expect_pycifar_error(cifar_save_model(small_model(), "/proc/model.keras"), "output")
})

test_that("a model of a newer version is an error of its own", {
  path <- withr::local_tempfile(fileext = ".keras")
  cifar_save_model(small_model(), path)
  zipfile <- reticulate::import("zipfile")
  archive <- zipfile$ZipFile(path)
  entry <- sub("\"format\": 1", "\"format\": 99", archive$read("pycifar.json")$decode())
  archive$close()
  newer <- withr::local_tempfile(fileext = ".keras")
  archive <- zipfile$ZipFile(newer, "w")
  archive$writestr("pycifar.json", entry)
  archive$close()
  expect_pycifar_error(cifar_load_model(newer), "model_version", "99")
})

test_that("a file is inspected without being loaded, and loaded where it is the one expected", {
  path <- withr::local_tempfile(fileext = ".keras")
  cifar_save_model(small_model(), path)
  found <- cifar_inspect_model(path)
  expect_true(found$loadable)
  expect_null(found$problem)
  expect_identical(found$fingerprint, cifar_fingerprint(small_model()))
  expect_identical(found$class_names, small_model()$class_names)
  expect_match(format(found)[[1L]], "can be loaded", fixed = TRUE)
  expect_output(print(found), "<cifar_model_file> .*SHA-256: +[0-9a-f]{64}")
  loaded <- cifar_load_model(path, sha256 = found$sha256)
  expect_identical(cifar_fingerprint(loaded), found$fingerprint)
  other <- strrep("0", 64L)
  expect_pycifar_error(cifar_load_model(path, sha256 = other), "model_file", "SHA-256")
  expect_pycifar_error(cifar_load_model(path, sha256 = "abc"), "argument", "64 hexadecimal digits")
})

test_that("a file that would be refused says why", {
  path <- withr::local_tempfile(lines = "not this", fileext = ".keras")
  found <- cifar_inspect_model(path)
  expect_false(found$loadable)
  expect_match(found$problem, "is not a model file")
  expect_match(format(found)[[1L]], "cannot be loaded: It is not a model file")
  expect_pycifar_error(cifar_inspect_model("none.keras"), "model_file", "There is no model file")
})

test_that("names of a stranger are shown escaped", {
  model <- changed(
    small_model(),
    class_names = "cat\t\033[31m\nforged",
    data = list(name = "a\nb")
  )
  shown <- capture.output(print(model))
  expect_length(grep("\033|^forged|^b", shown), 0L)
  expect_true(any(grepl("\\\\033", shown)))
})

expect_same_from_file <- function(found) {
  expect_identical(found[[1L]], small_model()$fingerprint)
  expect_identical(found[[2L]], predict(small_model(), test_images()))
}

test_that("a worker of parallel works with the saved file", {
  expect_same_from_file(worker_answers()$parallel)
})

test_that("a process of callr works with the saved file", {
  skip_if_not_installed("callr")
  expect_same_from_file(worker_answers()$callr)
})

test_that("a multisession worker of future works with the saved file", {
  skip_if_not_installed("future")
  expect_same_from_file(worker_answers()$future)
})

test_that("a model that is part of the package is loaded by its name", {
  skip_without_python()
  folder <- system.file("python", "pycifar", "shipped", package = "pycifar")
  file <- file.path(folder, "fastnet-cifar10.keras")
  expect_lte(file.size(file), 2e6)
  model <- cifar_load_model("fastnet-cifar10")
  expect_identical(model$fingerprint, cifar_load_model(file)$fingerprint)
  classes <- c("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship")
  expect_identical(model$class_names, c(classes, "truck"))
  photo <- withr::local_tempfile(fileext = ".png")
  png::writePNG(array(0.5, c(90L, 120L, 3L)), photo)
  expect_identical(levels(predict(model, photo)), model$class_names)
  found <- cifar_inspect_model("fastnet-cifar10")
  expect_true(found$loadable)
  expect_identical(found$fingerprint, model$fingerprint)
  error <- expect_pycifar_error(cifar_load_model("fastnet"), "model_file", "There is no model file")
  expect_match(conditionMessage(error), "part of the package: fastnet-cifar10", fixed = TRUE)
})

test_that("a file that has the name of a model of the package is loaded", {
  withr::local_dir(withr::local_tempdir())
  cifar_save_model(small_model(), "small.keras")
  file.rename("small.keras", "fastnet-cifar10")
  found <- cifar_load_model("fastnet-cifar10")
  expect_identical(cifar_fingerprint(found), cifar_fingerprint(small_model()))
})

test_that("the model of the package is as accurate as its report says", {
  skip_without_cifar10()
  dataset <- cifar_load_dataset("cifar10", n_train = 10)
  model <- cifar_load_model("fastnet-cifar10")
  expect_gte(cifar_evaluate(model, dataset)$accuracy, 0.86)
})
