brief <- function(...) {
  cifar_train(small_dataset(), ..., epochs = 1, validation = "test", seed = 1, verbose = 0)
}

value_of <- function(model, metric, split = "validation") {
  rows <- model$history
  rows$value[rows$metric == metric & rows$split == split]
}

test_that("a loss and metrics are given by name, and are in history, evaluation and glance()", {
  model <- brief(loss = "huber", metrics = c("top_5", "f1"))
  expect_identical(model$config$loss, "huber")
  expect_setequal(
    model$history$metric,
    c("loss", "accuracy", "top_5", "f1", "learning_rate")
  )
  found <- cifar_evaluate(model, small_dataset())
  expect_equal(found$metrics[["top_5"]], value_of(model, "top_5"))
  expect_equal(found$metrics[["f1"]], value_of(model, "f1"), tolerance = 1e-6)
  expect_equal(found$objective, value_of(model, "loss"), tolerance = 1e-5)
  shown <- generics::glance(found)
  expect_equal(shown$top_5, found$metrics[["top_5"]])
  expect_equal(shown$objective, found$objective)
  expect_output(print(found), "top_5", fixed = TRUE)
})

test_that("objects of Keras and functions of R are losses and metrics", {
  skip_without_python()
  keras <- reticulate::import("keras")
  squares <- function(y_true, y_pred) {
    keras$ops$sum(keras$ops$square(keras$ops$subtract(y_true, y_pred)), axis = -1L)
  }
  model <- brief(
    loss = squares,
    metrics = list(squares = squares, keras$metrics$TopKCategoricalAccuracy(3L, name = "top_3"))
  )
  expect_identical(model$config$loss, list(own = "loss"))
  mixed <- brief(metrics = list("top_5", mine = squares, "f1", "auc", other = squares))
  expect_true(all(c("top_5", "mine", "f1", "auc", "other") %in% mixed$history$metric))
  expect_equal(value_of(model, "squares"), value_of(model, "loss"), tolerance = 1e-5)
  expect_length(value_of(model, "top_3"), 1L)
  named <- brief(loss = keras$losses$Huber(delta = 2))
  expect_identical(named$config$loss$class_name, "Huber")
})

test_that("a model of Keras is trained with what it was compiled with", {
  skip_without_python()
  keras <- reticulate::import("keras")
  network <- keras$Sequential(list(
    keras$Input(c(32L, 32L, 3L)),
    keras$layers$Flatten(),
    keras$layers$Dense(10L)
  ))
  network$compile(
    optimizer = "sgd",
    loss = keras$losses$SparseCategoricalCrossentropy(from_logits = TRUE),
    metrics = list("accuracy", keras$metrics$SparseTopKCategoricalAccuracy(5L, name = "top"))
  )
  model <- brief(network)
  expect_identical(model$config$optimizer, "SGD")
  expect_identical(model$config$loss, "crossentropy")
  expect_length(value_of(model, "top"), 1L)
  probabilities <- predict(model, small_dataset(), type = "prob")
  expect_equal(unname(rowSums(probabilities)), rep(1, 100L), tolerance = 1e-6)
})

test_that("the best epoch goes by the metric that is monitored", {
  model <- cifar_train(
    small_dataset(),
    epochs = 4,
    metrics = "top_5",
    monitor = "top_5",
    best_weights = TRUE,
    validation = "test",
    seed = 1,
    verbose = 0
  )
  expect_identical(model$config$monitor, "top_5")
  expect_identical(model$best_epoch, which.max(value_of(model, "top_5")))
  expect_pycifar_error(brief(monitor = "top_5"), "argument", "must be left out where there is")
})

test_that("images of weight 0 are not learned from", {
  weights <- rep(c(0, 1), each = 100)
  half <- brief(sample_weight = weights)
  expect_match(half$config$sample_weight, "^[0-9a-f]{64}$")
  expect_identical(cifar_fingerprint(brief(sample_weight = weights)), cifar_fingerprint(half))
  expect_false(identical(cifar_fingerprint(brief()), cifar_fingerprint(half)))
  expect_pycifar_error(brief(sample_weight = 1), "argument", "each of the 200 training images")
  expect_pycifar_error(brief(sample_weight = "a"), "argument", "numbers without missing values")
})

test_that("losses and metrics that cannot be used are refused before the training", {
  expect_pycifar_error(brief(loss = "nothing"), "unknown_name", "`loss` must be one of")
  expect_pycifar_error(brief(metrics = "nothing"), "unknown_name", "`metrics` must be one of")
  expect_pycifar_error(brief(loss = function(x) x), "argument", "y_true")
  expect_pycifar_error(
    brief(metrics = list(function(y_true, y_pred) 0)),
    "argument",
    "named functions"
  )
  expect_pycifar_error(brief("mlp_relu", loss = "huber"), "argument", "for a network of NumPy")
})

test_that("the history has the learning rate of each epoch", {
  model <- further_model()
  rates <- value_of(model, "learning_rate", "train")
  expect_length(rates, 2L)
  expect_true(all(rates > 0))
})

test_that("a condition of a function keeps its class and fields as the parent", {
  skip_without_python()
  fail <- function(epoch, logs) rlang::abort("no", class = "mine", answer = 42)
  error <- tryCatch(
    brief("softmax", callbacks = list(on_epoch_end = fail)),
    pycifar_error_callback = identity
  )
  expect_s3_class(error$parent, "mine")
  expect_identical(error$parent$answer, 42)
  fail <- function(y_true, y_pred) rlang::abort("not  so", class = "mine", answer = 42)
  for (given in list(list(loss = fail), list(metrics = list(own = fail)))) {
    error <- tryCatch(do.call(brief, c("softmax", given)), pycifar_error_objective = identity)
    expect_s3_class(error, "pycifar_error_argument")
    expect_s3_class(error$parent, "mine")
    expect_identical(error$parent$answer, 42)
  }
  # Whatever its message is.
  fail <- function(y_true, y_pred) stop("\033[31mno")
  error <- tryCatch(brief("softmax", loss = fail), pycifar_error_objective = identity)
  expect_identical(conditionMessage(error$parent), "\033[31mno")
})

test_that("conditions of progress carry the epoch and its figures", {
  skip_without_python()
  seen <- list()
  withCallingHandlers(
    cifar_train(small_dataset(), "softmax", epochs = 2, seed = 1, metrics = "f1", verbose = 1),
    pycifar_message_progress = function(message) {
      seen <<- c(seen, list(message))
      rlang::cnd_muffle(message)
    }
  )
  epochs <- Filter(function(message) !is.null(message$epoch), seen)
  expect_identical(vapply(epochs, function(message) as.integer(message$epoch), 1L), 1:2)
  expect_true(all(
    c("loss", "accuracy", "f1", "val_loss", "val_f1") %in% names(epochs[[1L]]$metrics)
  ))
})
