test_that("training gives a model that R can look at without Python", {
  model <- small_model()
  expect_s3_class(model, "cifar_trained_model")
  expect_identical(model$architecture, "cnn2")
  expect_identical(model$epochs_done, 1L)
  expect_false(model$interrupted)
  expect_named(model$history, c("epoch", "split", "metric", "value"))
  expect_identical(model$history$epoch, rep(1L, 5L))
  expect_type(model$history$value, "double")
  expect_identical(model$config$seed, 1L)
  expect_null(model$config$early_stopping)
  expect_match(model$fingerprint, "^[0-9a-f]{64}$")
  expect_length(model$seconds, 1L)
  expect_identical(sum(model$layers$parameters), model$parameters)
})

test_that("the same seed gives the same weights, another seed others", {
  train <- function(seed) {
    cifar_fingerprint(cifar_train(small_dataset(), "lenet5", epochs = 1, seed = seed, verbose = 0))
  }
  once <- train(1)
  expect_identical(train(1), once)
  expect_false(identical(train(2), once))
})

test_that("options reach Python as they are meant", {
  config <- cifar_train(
    small_dataset(),
    "softmax",
    epochs = 1,
    batch_size = 50,
    optimizer = "adam",
    learning_rate = 0.002,
    schedule = "cosine",
    augmentation = list(flip = TRUE, shift = 2),
    validation = "test",
    early_stopping = 3,
    best_weights = TRUE,
    seed = 2,
    verbose = 0
  )$config
  expect_identical(config$batch_size, 50L)
  expect_identical(config$optimizer, "adam")
  expect_identical(config$schedule, "cosine")
  expect_identical(config$learning_rate, 0.002)
  expect_identical(config$augmentation, list(flip = TRUE, shift = 2L))
  expect_identical(config$validation, "test")
  expect_identical(config$early_stopping, 3L)
  expect_true(config$best_weights)
})

test_that("augmentation is given by name, by names, or with values", {
  crossed <- function(value) augmentation_to_python(value, "augmentation", environment())
  expect_identical(crossed("flip"), "flip")
  expect_identical(
    crossed(list(flip = "alternating")),
    list(flip = "alternating")
  )
  expect_identical(crossed(c("flip", "shift")), list("flip", "shift"))
  expect_identical(crossed(list(shift = 4)), list(shift = 4L))
  expect_identical(crossed(c(crop = 0.5, hue = 0.1)), list(crop = 0.5, hue = 0.1))
  expect_null(crossed(NULL))
})

test_that("crop and colour are recorded with their values", {
  skip_without_python()
  settled <- function(augmentation) {
    cifar_train(
      small_dataset(),
      "softmax",
      epochs = 1,
      augmentation = augmentation,
      seed = 1,
      verbose = 0
    )$config$augmentation
  }
  colour <- list(brightness = 0.2, contrast = 0.2, saturation = 0.2, hue = 0.02)
  expect_identical(settled(c("flip", "colour")), c(list(flip = TRUE), colour))
  expect_identical(settled(list(colour = TRUE, hue = 0, crop = TRUE)), c(crop = 0.35, colour[1:3]))
  expect_pycifar_error(settled(list(crop = 1)), "argument", "at least 0 and below 1, not 1")
  expect_pycifar_error(settled(list(colour = 0.5)), "argument", "`colour` must be TRUE or FALSE")
})

test_that("functions are called with the epoch from 1 and the figures, and can stop the training", {
  seen <- list()
  model <- cifar_train(
    small_dataset(),
    "softmax",
    epochs = 3,
    seed = 1,
    verbose = 0,
    callbacks = list(
      on_epoch_end = function(epoch, logs) {
        seen[[length(seen) + 1L]] <<- c(epoch = epoch, unlist(logs))
        epoch < 2
      },
      on_train_end = function(logs) mtcars
    )
  )
  expect_identical(model$epochs_done, 2L)
  expect_length(seen, 2L)
  expect_identical(seen[[2L]][["epoch"]], 2)
  last <- model$history[model$history$epoch == 2L & model$history$split == "train", ]
  last <- last[last$metric != "learning_rate", ]
  expect_equal(seen[[2L]][last$metric], stats::setNames(last$value, last$metric))
})

test_that("several sets of functions and callbacks of Keras may be mixed", {
  skip_without_python()
  count <- 0
  keras <- reticulate::import("keras")
  model <- cifar_train(
    small_dataset(),
    "softmax",
    epochs = 2,
    seed = 1,
    verbose = 0,
    callbacks = list(
      list(on_epoch_begin = function(epoch, logs) count <<- count + epoch),
      keras$callbacks$TerminateOnNaN()
    )
  )
  expect_identical(count, 3)
  expect_identical(model$epochs_done, 2L)
})

test_that("an error in a function ends the training as an error of its own kind", {
  fail <- list(on_epoch_end = function(epoch, logs) stop("the {disk} is full"))
  error <- expect_pycifar_error(
    cifar_train(small_dataset(), epochs = 2, seed = 1, verbose = 0, callbacks = fail),
    "callback",
    "`on_epoch_end` failed: the {disk} is full"
  )
  expect_s3_class(error, "pycifar_error_training")
  expect_identical(conditionCall(error)[[1L]], quote(cifar_train))
  expect_identical(error$model$fingerprint, small_model()$fingerprint)
})

test_that("one epoch and one more are two, and the model that goes on stays as it is", {
  model <- small_model()
  two <- cifar_train(small_dataset(), epochs = 2, seed = 1, verbose = 0)
  further <- further_model()
  expect_identical(further$fingerprint, two$fingerprint)
  expect_identical(further$history, two$history)
  expect_identical(further$epochs_done, 2L)
  expect_identical(cifar_fingerprint(model), model$fingerprint)
  with_data <- cifar_train(small_dataset(), model, epochs = 1, verbose = 0)
  expect_identical(with_data$fingerprint, two$fingerprint)
})

test_that("a model keeps its seed, and asks for images that are gone", {
  expect_pycifar_error(
    cifar_train(small_model(), epochs = 1, seed = 2),
    "argument",
    "`seed` must be left out where a model goes on, which keeps 1; 2 was given."
  )
  expect_match(other_session()$refused, "Load it with cifar_load_dataset()", fixed = TRUE)
})

test_that("class weights are \"balanced\" or numbers by name", {
  train <- function(weights) {
    cifar_train(
      small_dataset(),
      "softmax",
      epochs = 1,
      class_weights = weights,
      seed = 1,
      verbose = 0
    )$config$class_weights
  }
  expect_identical(train(c(dots = 2, ring = 0.5))[c("dots", "ring")], list(dots = 2, ring = 0.5))
  expect_equal(unlist(train("balanced"), use.names = FALSE), rep(1, 10L))
  allowed <- "`class_weights` must be \"balanced\" or numbers by class name"
  expect_pycifar_error(train(c(1, 2)), "argument", allowed)
  expect_pycifar_error(train(list(dots = "a")), "argument", allowed)
  expect_pycifar_error(train(c(dots = NA_real_)), "argument", "without missing values")
  expect_pycifar_error(train(c(dot = 1)), "unknown_name", "`class_weights` must be one of")
  expect_pycifar_error(train(c(dots = -1)), "argument", "at least 0")
})

test_that("a handler of the user gets its condition, and Python goes on afterwards", {
  train <- function(...) cifar_train(small_dataset(), "softmax", epochs = 2, seed = 1, ...)
  warns <- list(on_epoch_end = function(epoch, logs) warning("hot"))
  caught <- tryCatch(train(callbacks = warns, verbose = 0), warning = conditionMessage)
  expect_identical(caught, "hot")
  caught <- tryCatch(train(verbose = 2), message = function(message) class(message)[[1L]])
  expect_identical(caught, "pycifar_message_progress")
  expect_identical(suppressWarnings(train(callbacks = warns, verbose = 0))$epochs_done, 2L)
})

test_that("callbacks that are no functions are refused", {
  refused <- function(callbacks, message) {
    expect_pycifar_error(
      cifar_train(small_dataset(), epochs = 1, callbacks = callbacks),
      "argument",
      message
    )
  }
  refused(function(epoch, logs) NULL, "`callbacks` must be a list such as")
  refused(list(on_epoch_end = 1), "Callback `on_epoch_end` must be a function(epoch, logs).")
  refused("on_epoch_end", "`callbacks` must be a list such as")
})

test_that("a missing value is refused for each argument that takes one value", {
  arguments <- setdiff(
    names(formals(cifar_train)),
    c(
      c("dataset", "architecture", "augmentation", "callbacks", "class_weights"),
      c("metrics", "sample_weight", "...")
    )
  )
  for (name in c(arguments, "architecture")) {
    call <- c(list(small_dataset()), stats::setNames(list(NA), name))
    expect_pycifar_error(do.call(cifar_train, call), "argument", sprintf("`%s` must be", name))
  }
})

test_that("an interrupt gives the model so far, with a warning, and the script goes on", {
  lines <- other_session()$lines
  expect_true(all(c("warned", "TRUE TRUE TRUE ", "100 ") %in% lines))
  expect_match(paste(lines, collapse = "\n"), "of 10000 epochs (interrupted)", fixed = TRUE)
})

test_that("a time budget is kept, and one too short for a pass does what fits, with a warning", {
  expect_warning(
    model <- cifar_train(
      small_dataset(),
      "softmax",
      batch_size = 20,
      time_budget = 1e-9,
      verbose = 0
    ),
    class = "pycifar_warning_time_budget"
  )
  expect_lt(model$config$passes, 1)
  expect_error(
    cifar_train(small_dataset(), epochs = 1, time_budget = 10),
    class = "pycifar_error_argument"
  )
})

test_that("the precision is recorded", {
  model <- cifar_train(
    small_dataset(),
    "lenet5",
    epochs = 1,
    precision = "float32",
    seed = 1,
    verbose = 0
  )
  expect_identical(model$config$precision, "float32")
})

test_that("a training that was cut off goes on from its checkpoint", {
  skip_without_python()
  folder <- withr::local_tempdir()
  train <- function(..., dir = folder) {
    cifar_train(
      small_dataset(),
      "lenet5",
      epochs = 3,
      seed = 1,
      verbose = 0,
      checkpoint_dir = dir,
      resume = !is.null(dir),
      ...
    )
  }
  fail <- list(on_epoch_end = function(epoch, logs) if (epoch == 2) stop("cut off"))
  expect_pycifar_error(train(callbacks = fail), "callback", "cut off")
  seen <- integer()
  note <- list(on_epoch_end = function(epoch, logs) seen <<- c(seen, epoch))
  resumed <- train(callbacks = note)
  whole <- train(dir = NULL)
  expect_identical(seen, 2:3)
  expect_identical(resumed$fingerprint, whole$fingerprint)
  expect_identical(resumed$history, whole$history)
  expect_pycifar_error(train(learning_rate = 0.5), "checkpoint", "`learning_rate` is 0.02 there")
  expect_pycifar_error(
    cifar_train(small_dataset(), "lenet5", epochs = 3, checkpoint_dir = folder),
    "checkpoint",
    "resume"
  )
})

test_that("functions are called with what Python calls them with", {
  skip_without_python()
  events <- reticulate::import("pycifar.training.callbacks")$EVENTS
  arguments <- vapply(
    callback_arguments,
    function(names) sprintf("(%s)", paste(names, collapse = ", ")),
    character(1L)
  )
  expect_identical(as.list(arguments), events)
})

test_that("set.seed() makes a training without a seed reproducible, and R's generator moves on", {
  skip_without_python()
  draw <- function() {
    set.seed(5)
    model <- cifar_train(small_dataset(), "softmax", epochs = 1, verbose = 0)
    c(seed = model$config$seed, after = sample.int(1e6, 1L))
  }
  first <- draw()
  expect_identical(draw(), first)
  set.seed(5)
  expect_identical(sample.int(.Machine$integer.max, 1L) - 1L, first[["seed"]])
  expect_identical(sample.int(1e6, 1L), first[["after"]])
})

test_that("the callback that stopped a training by returning FALSE is told and kept", {
  skip_without_python()
  stop <- list(on_epoch_end = function(epoch, logs) file.remove(tempfile()))
  messages <- capture_messages(
    model <- suppressWarnings(
      cifar_train(small_dataset(), "softmax", epochs = 3, seed = 1, verbose = 2, callbacks = stop)
    )
  )
  expect_identical(model$epochs_done, 1L)
  expect_identical(model$stopped_by, "on_epoch_end")
  expect_match(paste(messages, collapse = ""), "stopped by `on_epoch_end`, which returned FALSE")
  expect_output(print(model), "(stopped by on_epoch_end)", fixed = TRUE)
})
