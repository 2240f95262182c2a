test_that("an export says how near it is to the model", {
  skip_without_python()
  path <- withr::local_tempfile(fileext = ".savedmodel")
  found <- cifar_export_model(small_model(), path)
  expect_s3_class(found, "cifar_export")
  expect_identical(c(found$path, found$format), c(path, "SavedModel"))
  expect_lt(found$largest_difference, 1e-5)
  expect_match(format(found), "the same class for 100.0% of 32 images", fixed = TRUE)
  expect_true(file.exists(file.path(path, "saved_model.pb")))
  expect_pycifar_error(cifar_export_model(small_model(), path), "output_exists", "exists already")
  expect_silent(cifar_export_model(small_model(), path, overwrite = TRUE))
})

test_that("an export runs in its runtime as predict() does", {
  skip_without_python()
  skip_if_not(reticulate::py_module_available("onnxruntime"), "onnxruntime is there")
  skip_if_not(reticulate::py_module_available("tf2onnx"), "tf2onnx is there")
  path <- withr::local_tempfile(fileext = ".onnx")
  cifar_export_model(small_model(), path, small_dataset())
  session <- reticulate::import("onnxruntime")$InferenceSession(path)
  images <- cifar_images(small_dataset(), 1:3)
  storage.mode(images) <- "integer"
  numpy <- reticulate::import("numpy", convert = FALSE)
  given <- list(images = numpy$array(images)$astype("uint8"))
  probabilities <- session$run(list("probabilities"), given)[[1L]]
  expected <- as.matrix(predict(small_model(), cifar_images(small_dataset(), 1:3), type = "prob"))
  expect_equal(probabilities, unname(expected), tolerance = 0.02)
})

test_that("int8 takes a data set", {
  skip_without_python()
  skip_if_not(reticulate::py_module_available("ai_edge_litert"), "ai_edge_litert is there")
  path <- withr::local_tempfile(fileext = ".tflite")
  model <- cifar_load_model("fastnet-cifar10")
  found <- cifar_export_model(model, path, small_dataset(), quantize = "int8")
  expect_identical(found$images, 200L)
  expect_lt(file.size(path), 1e6)
})

test_that("wrong calls say what is allowed", {
  skip_without_python()
  expect_pycifar_error(cifar_export_model(small_model(), "model.pt"), "argument", ".onnx")
  expect_pycifar_error(
    cifar_export_model(small_model(), tempfile(fileext = ".tflite"), quantize = "int8"),
    "argument",
    "`images` must be given"
  )
  expect_pycifar_error(
    cifar_export_model(small_model(), tempfile(fileext = ".savedmodel"), 3),
    "image",
    "an array of shape"
  )
  expect_pycifar_error(cifar_export_model(1, "a.onnx"), "argument", "model")
})
