test_that("a network prints what it is, and is a Keras model", {
  skip_without_python()
  network <- cifar_build_model("cnn2", n_classes = 4, seed = 1)
  expect_s3_class(network, "keras.src.models.model.Model")
  expect_output(print(network), "<cifar_network> cnn2")
  expect_output(print(network), "from images of 32\u00d732\u00d73 pixels to 4 classes")
  expect_output(print(dead_copy(network)), "an R session that has ended")
})

test_that("a network trains, and a dead one is refused", {
  skip_without_python()
  network <- cifar_build_model("cnn2", seed = 1)
  built <- cifar_train(small_dataset(), network, epochs = 1, seed = 1, verbose = 0)
  expect_identical(built$architecture, "custom")
  expect_identical(built$fingerprint, small_model()$fingerprint)
  expect_pycifar_error(cifar_train(small_dataset(), dead_copy(network)), "handle")
})

test_that("a function of R builds a network from an integer vector and a number", {
  skip_without_python()
  keras <- reticulate::import("keras")
  seen <- NULL
  linear <- function(input_shape, n_classes) {
    seen <<- list(input_shape, n_classes)
    keras$Sequential(list(
      keras$layers$Input(as.list(input_shape)),
      keras$layers$Rescaling(1 / 255),
      keras$layers$Flatten(),
      keras$layers$Dense(n_classes, activation = "softmax")
    ))
  }
  model <- cifar_train(small_dataset(), linear, epochs = 1, seed = 1, verbose = 0)
  expect_identical(seen, list(c(32L, 32L, 3L), 10L))
  expect_identical(model$parameters, 30730L)
  again <- cifar_train(small_dataset(), linear, epochs = 1, seed = 1, verbose = 0)
  expect_identical(again$fingerprint, model$fingerprint)
})

test_that("a function that fails or builds no network is an error", {
  skip_without_python()
  error <- expect_pycifar_error(
    cifar_build_model(function(input_shape, n_classes) stop("no {idea}")),
    "callback",
    "`architecture` failed: no {idea}"
  )
  expect_pycifar_error(cifar_build_model(function(input_shape, n_classes) 1), "argument")
  expect_pycifar_error(cifar_build_model(c("a", "b")), "argument", "not c(\"a\", \"b\").")
})
