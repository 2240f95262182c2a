# A network on fractions, as another program makes it, and what it says of images.
foreign_network <- function() {
  skip_without_python()
  reticulate::py_run_string(paste(
    "import keras",
    "def network(n):",
    "    return keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(2, 3, strides=8),",
    "        keras.layers.Flatten(), keras.layers.Dense(n, activation='softmax')])",
    sep = "\n"
  ))$network
}

test_that("a model of Keras is adopted from memory and from a file", {
  network <- foreign_network()(10L)
  path <- withr::local_tempfile(fileext = ".keras")
  network$save(path)
  names <- small_dataset()$class_names
  images <- test_images(3L)
  expected <- network$predict(images / 255, verbose = 0L)
  for (given in list(network, path)) {
    model <- cifar_adopt_model(given, names, rescale = 1 / 255)
    expect_s3_class(model, "cifar_trained_model")
    found <- as.matrix(predict(model, images, type = "prob"))
    expect_equal(unname(found), expected, tolerance = 1e-4)
    expect_output(print(model), "trained: elsewhere, and adopted")
    expect_output(print(summary(model)), "pixel_scaling")
    expect_identical(c(nrow(model$history), model$epochs_done, model$config$epochs), c(0L, 0L, 0L))
    expect_identical(model$data, list(name = "unknown", source = "adopted", fingerprint = ""))
    expect_identical(cifar_evaluate(model, small_dataset())$n, 100L)
    expect_pycifar_error(plot(model), "argument", "history of `x` is empty")
    saved <- withr::local_tempfile(fileext = ".keras")
    cifar_save_model(model, saved)
    expect_identical(cifar_load_model(saved)$fingerprint, model$fingerprint)
    expect_identical(cifar_fingerprint(dead_copy(model)), model$fingerprint)
    further <- cifar_train(small_dataset(), model, epochs = 1, seed = 3, verbose = 0)
    expect_identical(further$epochs_done, 1L)
    expect_identical(further$config$seed, 3L)
    expect_pycifar_error(cifar_train(model, epochs = 1), "data", "does not say which images")
  }
})

test_that("a model for images of any size gets one", {
  skip_without_python()
  keras <- reticulate::import("keras")
  network <- keras$Sequential(list(
    keras$Input(reticulate::tuple(NULL, NULL, 3L)),
    keras$layers$GlobalAveragePooling2D(),
    keras$layers$Dense(2L, activation = "softmax")
  ))
  names <- c("cat", "dog")
  expect_pycifar_error(cifar_adopt_model(network, names, 1), "argument", "`image_size` must be")
  expect_identical(cifar_adopt_model(network, names, 1, image_size = 8)$image_shape, c(8L, 8L, 3L))
  model <- cifar_adopt_model(network, names, 1, image_size = c(8, 9))
  expect_identical(model$image_shape, c(8L, 9L, 3L))
})

test_that("what is no classifier of images, or says too little, is refused", {
  network <- foreign_network()(2L)
  names <- c("cat", "dog")
  expect_pycifar_error(cifar_adopt_model(network, names), "argument", "`rescale` must be given")
  expect_pycifar_error(cifar_adopt_model(network, "cat", 1), "argument", "each of the 1 classes")
  expect_pycifar_error(
    cifar_adopt_model(network, c("cat", NA), 1),
    "argument",
    "must be names without missing values"
  )
  expect_pycifar_error(
    cifar_adopt_model(network, names, c(1, 2, 3)),
    "argument",
    "must be one number or two"
  )
  expect_pycifar_error(cifar_adopt_model(mean, names), "argument", "a path or a Keras model")
  expect_pycifar_error(cifar_adopt_model("no.keras", names), "model_file", "no model file")
  expect_pycifar_error(cifar_adopt_model(network), "argument", "`class_names` must be given")
  front <- cifar_adopt_model(network, factor(names), c(1 / 127.5, -1))
  expect_identical(front$class_names, names)
  expect_identical(front$layers$layer[[1L]], "pixel_scaling")
})
