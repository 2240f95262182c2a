test_that("a model prints what it is and how well it did", {
  small_model() # so that Python is there, and the invented handle alone is dead
  expect_snapshot({
    print(invented_model())
    print(invented_model(
      interrupted = TRUE,
      epochs_done = 0L,
      history = invented_model()$history[0L, ]
    ))
  })
})

test_that("the summary adds layers, settings and weights", {
  small_model()
  expect_snapshot(summary(invented_model()))
})

test_that("a model from a file of R works as before", {
  model <- dead_copy(small_model())
  expect_true(is_dead(model$handle))
  expect_output(print(model), "<cifar_trained_model> cnn2, 4,210,090 parameters", fixed = TRUE)
  expect_identical(cifar_fingerprint(model), small_model()$fingerprint)
  expect_identical(
    predict(model, test_images(3L), type = "prob"),
    predict(small_model(), test_images(3L), type = "prob")
  )
  copy <- model
  expect_identical(live_handle(copy, "x", "cifar_trained_model"), model$handle)
  again <- cifar_train(small_dataset(), model, epochs = 1, verbose = 0)
  expect_identical(again$fingerprint, further_model()$fingerprint)
})

test_that("a model from a file of R has a handle once it works, and stays the same value", {
  path <- withr::local_tempfile()
  saveRDS(small_model(), path)
  used <- readRDS(path)
  predict(used, test_images(1L))
  expect_false(is_dead(used$handle))
  expect_identical(used$handle$config$seed, 1L)
  expect_identical(rlang::hash(used), rlang::hash(readRDS(path)))
  expect_identical(rlang::hash(used), rlang::hash(small_model()))
})

test_that("a model of another session works in this one", {
  model <- other_session()$trained
  expect_true(is_dead(model$handle))
  expect_identical(predict(model, small_dataset()), predict(small_model(), small_dataset()))
})

test_that("the fingerprint is that of the weights", {
  expect_identical(cifar_fingerprint(small_model()), small_model()$fingerprint)
})

test_that("layers of an own class are told, and come back where the class is given", {
  skip_without_python()
  own <- asNamespace("reticulate")$py_run_string(paste(
    "import keras",
    "class Doubled(keras.layers.Layer):",
    "    def call(self, inputs):",
    "        return inputs * 2",
    "def network(input_shape, n_classes):",
    "    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(),",
    "        Doubled(), keras.layers.Dense(n_classes, activation='softmax')])",
    sep = "\n"
  ))
  expect_warning(
    model <- cifar_train(small_dataset(), own$network, epochs = 1, seed = 1, verbose = 0),
    "\"Doubled\".*`custom_objects` of cifar_load_model",
    class = "pycifar_warning_unsaved"
  )
  path <- withr::local_tempfile(fileext = ".keras")
  expect_warning(cifar_save_model(model, path), "Doubled", class = "pycifar_warning_unsaved")
  expect_pycifar_error(cifar_load_model(path), "model_file", "\"Doubled\", which is neither")
  given <- list(Doubled = own$Doubled)
  expect_identical(cifar_load_model(path, custom_objects = given)$fingerprint, model$fingerprint)
  expect_true(cifar_inspect_model(path, custom_objects = given)$loadable)
  for (wrong in list(own$Doubled, list(own$Doubled), list(Doubled = 1), "Doubled")) {
    expect_pycifar_error(
      cifar_load_model(path, custom_objects = wrong),
      "argument",
      "must be a list of Python classes and functions by name"
    )
  }
  from_r <- dead_copy(model)
  expect_pycifar_error(predict(from_r, test_images(1L)), "model_file", "Doubled")
  withr::defer(asNamespace("reticulate")$py_run_string(
    "keras.saving.get_custom_objects().pop('Doubled')"
  ))
  asNamespace("reticulate")$py_run_string(
    "keras.saving.get_custom_objects()['Doubled'] = Doubled"
  )
  expect_identical(cifar_fingerprint(from_r), model$fingerprint)
})

test_that("a model that Keras cannot write is kept for the session, with a warning", {
  skip_without_python()
  reticulate <- asNamespace("reticulate")
  twist <- reticulate$py_run_string(paste(
    "import keras",
    "class Twist(keras.layers.Layer):",
    "    def __init__(self, function, **named):",
    "        super().__init__(**named)",
    "        self.function = function",
    "    def call(self, values):",
    "        return self.function(values)",
    "def network(input_shape, n_classes):",
    "    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(),",
    "        Twist(abs), keras.layers.Dense(n_classes, activation='softmax')])",
    sep = "\n"
  ))
  expect_warning(
    model <- cifar_train(small_dataset(), twist$network, epochs = 1, seed = 1, verbose = 0),
    "cannot be saved",
    class = "pycifar_warning_unsaved"
  )
  expect_length(predict(model, small_dataset()), 100L)
  path <- withr::local_tempfile(fileext = ".keras")
  expect_pycifar_error(cifar_save_model(model, path), "argument", "This model cannot be saved")
  expect_false(file.exists(path))
})

test_that("features of a network in bfloat16 are numbers where it ends in a cast", {
  skip_without_python()
  keras <- asNamespace("reticulate")$import("keras")
  half <- function(input_shape, n_classes) {
    keras$Sequential(list(
      keras$layers$Input(input_shape, dtype = "uint8"),
      keras$layers$Rescaling(1 / 255),
      keras$layers$GlobalAveragePooling2D(name = "colours", dtype = "bfloat16"),
      keras$layers$Dense(n_classes, activation = "softmax")
    ))
  }
  model <- cifar_train(small_dataset(), half, epochs = 1, seed = 1, verbose = 0)
  network <- model$handle$keras_model
  colours <- network$get_layer("colours")$output
  features <- function(output) keras$Model(network$inputs, output)$predict(images, verbose = 0L)
  images <- test_images(3L)
  expected <- apply(images / 255, c(1L, 4L), mean)
  expect_true(is_python_object(features(colours)))
  expect_equal(features(colours)$astype("float32"), expected, tolerance = 0.01)
  expect_equal(features(keras$ops$cast(colours, "float32")), expected, tolerance = 0.01)
})

test_that("the Keras model gives features, and layers that are frozen in it stay as they are", {
  keras <- reticulate::import("keras")
  model <- cifar_train(small_dataset(), "lenet5", epochs = 1, seed = 1, verbose = 0)
  network <- model$keras_model
  last <- network$layers[[length(network$layers)]]
  images <- cifar_images(small_dataset(), 1:100)
  storage.mode(images) <- "integer"
  expect_equal(
    as.vector(network$predict(images, verbose = 0L)),
    unlist(predict(model, small_dataset(), type = "prob"), use.names = FALSE),
    tolerance = 1e-5
  )
  expect_equal(
    network$predict(images / 255, verbose = 0L),
    network$predict(images, verbose = 0L),
    tolerance = 1e-6
  )
  features <- keras$Model(network$inputs, last$input)$predict(images, verbose = 0L)
  expect_identical(dim(features), c(dim(images)[[1L]], 84L))

  weights <- function(model, layer) model$keras_model$get_layer(layer)$get_weights()
  frozen <- network$get_layer("conv1")
  frozen$trainable <- FALSE
  head <- cifar_train(small_dataset(), model, epochs = 1, verbose = 0)
  expect_identical(weights(head, "conv1"), weights(model, "conv1"))
  expect_false(identical(weights(head, "conv2"), weights(model, "conv2")))
  for (layer in head$keras_model$layers) {
    layer$trainable <- TRUE
  }
  expect_warning(
    whole <- cifar_train(small_dataset(), head, epochs = 1, verbose = 0),
    class = "pycifar_warning_optimizer"
  )
  expect_false(identical(weights(whole, "conv1"), weights(head, "conv1")))
})

test_that("a model from a file of R has its Keras model, and no other names than its own", {
  model <- dead_copy(small_model())
  expect_identical(model$keras_model$count_params(), model$parameters)
  expect_null(model$keras)
  expect_false("keras_model" %in% names(model))
})
