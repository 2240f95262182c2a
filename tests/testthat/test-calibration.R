calibrated <- function() {
  dataset <- once("calibrated_dataset", function() {
    cifar_load_dataset("synthetic", n_train = 400, n_test = 100)
  })
  model <- once("calibrated_model", function() {
    plain <- cifar_train(
      dataset,
      epochs = 1,
      batch_size = 50,
      validation = 0.3,
      seed = 1,
      verbose = 0
    )
    list(plain = plain, model = cifar_calibrate(plain, dataset))
  })
  c(list(dataset = dataset), model)
}

test_that("calibrating adds what was found and changes no class", {
  skip_without_python()
  made <- calibrated()
  found <- made$model$calibration
  expect_named(
    found,
    c("temperature", "coverage", "threshold", "split", "n", "error_before", "error_after")
  )
  expect_identical(found$n, 120L)
  expect_null(made$plain$calibration)
  expect_identical(made$model$fingerprint, made$plain$fingerprint)
  expect_identical(predict(made$model, made$dataset), predict(made$plain, made$dataset))
  before <- as.matrix(predict(made$plain, made$dataset, type = "prob"))
  after <- as.matrix(predict(made$model, made$dataset, type = "prob"))
  expected <- before^(1 / found$temperature)
  expect_equal(after, expected / rowSums(expected), tolerance = 1e-5)
  expect_match(capture_output(print(made$model)), "calibrated: temperature", fixed = TRUE)
  expect_identical(generics::glance(made$model)$temperature, found$temperature)
  expect_false("temperature" %in% names(generics::glance(made$plain)))
})

test_that("prediction sets are factors, and augment() has them", {
  skip_without_python()
  made <- calibrated()
  sets <- predict(made$model, made$dataset, type = "set")
  expect_length(sets, 100L)
  expect_identical(levels(sets[[1L]]), made$model$class_names)
  probabilities <- as.matrix(predict(made$model, made$dataset, type = "prob"))
  likely <- rowSums(probabilities >= made$model$calibration$threshold)
  expect_identical(lengths(sets), as.integer(pmax(likely, 1)))
  augmented <- generics::augment(made$model, made$dataset)
  expect_identical(augmented$.pred_set, sets)
  expect_false(".pred_set" %in% names(generics::augment(made$plain, made$dataset)))
})

test_that("the set of an image that was skipped is NA", {
  skip_without_python()
  made <- calibrated()
  broken <- withr::local_tempfile(fileext = ".png")
  writeLines("no picture", broken)
  expect_warning(
    sets <- predict(made$model, broken, type = "set", on_error = "skip"),
    class = "pycifar_warning_skipped"
  )
  expect_identical(sets, list(factor(NA, levels = made$model$class_names)))
})

test_that("a file and an RDS file keep the calibration", {
  skip_without_python()
  made <- calibrated()
  path <- withr::local_tempfile(fileext = ".keras")
  cifar_save_model(made$model, path)
  expect_identical(cifar_load_model(path)$calibration, made$model$calibration)
  expect_identical(
    unserialize(serialize(made$model, NULL))$calibration,
    made$model$calibration
  )
})

test_that("the bins of an evaluation give its calibration error", {
  skip_without_python()
  found <- small_evaluation()
  expect_s3_class(found$bins, "tbl_df")
  gaps <- abs(found$bins$confidence - found$bins$accuracy) * found$bins$n
  expect_equal(sum(gaps) / found$n, found$calibration_error)
})

test_that("wrong calls say what is allowed", {
  skip_without_python()
  made <- calibrated()
  expect_pycifar_error(cifar_calibrate(made$plain, made$dataset, "train"), "data", "learned from")
  expect_pycifar_error(
    cifar_calibrate(made$plain, made$dataset, coverage = 0.99),
    "data",
    "needs at least 197"
  )
  expect_pycifar_error(cifar_calibrate(made$plain, made$dataset, coverage = 2), "argument", "2")
  expect_pycifar_error(cifar_calibrate(1, made$dataset), "argument", "model")
  error <- expect_error(predict(made$plain, made$dataset, type = "set"), class = "pycifar_error")
  expect_match(error$fix, "cifar_calibrate()", fixed = TRUE)
})
