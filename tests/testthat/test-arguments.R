test_that("a missing value of any type is not one value", {
  for (missing in list(NA, NA_integer_, NA_real_, NA_character_, NaN)) {
    expect_pycifar_error(
      one_value(missing, "epochs", "a single number"),
      "argument",
      "`epochs` must be a single number, not Na?N?A?[.]",
      fixed = FALSE
    )
  }
})

test_that("what is not one value is described as R writes it", {
  refusal <- function(x) {
    tryCatch(one_value(x, "seed", "a single number"), error = function(error) {
      sub(".*, not ", "", one_line(conditionMessage(error)))
    })
  }
  expect_identical(refusal(c(1, 2)), "c(1, 2).")
  expect_identical(refusal(c("a", "b")), "c(\"a\", \"b\").")
  expect_identical(refusal(character()), "character(0).")
  expect_identical(refusal(sum), "a function.")
  expect_identical(refusal(list(1)), "list(1).")
  expect_identical(refusal(data.frame(a = 1)), "a data frame.")
  expect_identical(refusal(matrix(1:4, 2L)), "an array of shape (2, 2).")
  expect_identical(refusal(matrix("a", 2L, 1L)), "a character array of shape (2, 1).")
  expect_identical(refusal(structure(list(), class = "pet")), "an object of class pet.")
  expect_identical(refusal(1:1000), "a numeric vector of length 1,000.")
  expect_identical(refusal(factor(1:1000)), "a factor of length 1,000.")
  expect_identical(refusal(list(test_images())), "a list of length 1.")
})

test_that("a whole double crosses as an integer, as R writes integers", {
  expect_identical(one_value(10, "epochs", "a single number"), 10L)
  expect_identical(one_value(-1, "epochs", "a single number"), -1L)
  expect_identical(one_value(2.5, "epochs", "a single number"), 2.5)
  expect_identical(one_value(2^31, "seed", "a single number"), 2^31)
  expect_identical(one_value(Inf, "epochs", "a single number"), Inf)
})

test_that("NULL, strings, flags and levels of a factor cross", {
  expect_null(one_value(NULL, "epochs", "a single number"))
  expect_identical(one_value("a", "split", "a name"), "a")
  expect_identical(one_value(TRUE, "overwrite", "TRUE or FALSE"), TRUE)
  expect_identical(one_value(factor("b", c("a", "b")), "split", "a name"), "b")
})

test_that("several values stay a list, however few they are", {
  expect_identical(several_values(c(32, 32, 3), "shape", "numbers"), list(32L, 32L, 3L))
  expect_identical(several_values("cat", "names", "names"), list("cat"))
  expect_identical(several_values(factor("cat"), "names", "names"), list("cat"))
  expect_identical(named_values(c(shift = 4), "a", "names"), list(shift = 4L))
  expect_identical(named_values(list(flip = TRUE), "a", "names"), list(flip = TRUE))
  expect_null(several_values(NULL, "names", "names"))
  expect_pycifar_error(several_values(c("cat", NA), "names", "names"), "argument")
  expect_pycifar_error(several_values(Sys.Date(), "names", "names"), "argument")
  expect_pycifar_error(several_values(sum, "names", "names"), "argument", "not a function.")
})

test_that("an object of another class is no data set and no model", {
  expect_pycifar_error(
    cifar_train(mtcars),
    "argument",
    "`dataset` must be a data set made by cifar_load_dataset(), not a data frame."
  )
  expect_pycifar_error(
    cifar_fingerprint("cnn2"),
    "argument",
    "`model` must be a model made by cifar_train() or cifar_load_model(), not \"cnn2\"."
  )
})

test_that("a handle from an ended session is an error that names the way back", {
  model <- changed(dead_copy(small_model()), kept = NULL) # as no model of this version has it
  expect_output(print(model), "state:   lost with the R session in which it was made")
  images <- test_images(20L)
  arrays <- list(images, rep(levels(small_dataset()), 2L))
  dataset <- dead_copy(cifar_load_dataset(list(train = arrays)))
  calls <- list(
    quote(predict(model, test_images())),
    quote(cifar_fingerprint(model)),
    quote(cifar_save_model(model, tempfile(fileext = ".keras"))),
    quote(cifar_evaluate(model, small_dataset()))
  )
  for (call in calls) {
    expect_pycifar_error(eval(call), "handle", "load its file")
  }
  calls <- list(
    quote(cifar_train(dataset)),
    quote(cifar_evaluate(small_model(), dataset)),
    quote(predict(small_model(), dataset)),
    quote(summary(dataset)),
    quote(plot(dataset))
  )
  for (call in calls) {
    expect_pycifar_error(eval(call), "handle", "cifar_load_dataset()")
  }
})

test_that("an argument that a method does not know is refused", {
  model <- small_model()
  wrong <- list(
    quote(predict(model, small_dataset(), tpye = "prob")),
    quote(predict(model, small_dataset(), "prob", FALSE, NULL, "stop", 1)),
    quote(plot(model, metrics = "loss")),
    quote(print(small_dataset(), n = 3)),
    quote(print(model, digits = 3)),
    quote(print(summary(small_evaluation()), n = 3)),
    quote(plot(small_dataset(), splt = "test")),
    quote(coef(model, layers = "scaling")),
    quote(cifar_train(small_dataset(), "cnn2", tpye = "prob"))
  )
  for (call in wrong) {
    expect_error(eval(call), "does not take", class = "pycifar_error_argument")
  }
})

test_that("a name that other packages have for an argument is answered with the one that it has", {
  model <- small_model()
  dataset <- small_dataset()
  hint <- function(call) {
    expect_pycifar_error(eval(call, parent.frame()), "unknown_argument")$fix
  }
  expect_identical(
    hint(quote(cifar_train(dataset, lr = 0.1))),
    "It is called `learning_rate` here."
  )
  expect_identical(
    hint(quote(cifar_train(dataset, validation_split = 0.2))),
    "It is called `validation` here."
  )
  expect_identical(
    hint(quote(cifar_train(x = 1, y = 2))),
    "Give a `dataset`: cifar_load_dataset() makes one of images and labels."
  )
  expect_match(hint(quote(cifar_train(dataset, steps_per_epoch = 5))), "cifar_load_dataset()")
  expect_match(hint(quote(cifar_evaluate(model, test_data = dataset))), "Give a `dataset`")
  expect_match(hint(quote(cifar_load_dataset("folder", path = "here"))), "`data_dir`")
  expect_match(hint(quote(cifar_find_learning_rate(dataset, start_lr = 1))), "`lowest`")
  expect_match(hint(quote(predict(model, dataset, tpye = "prob"))), "Did you mean `type`[?]")
})

test_that("an argument that is abbreviated in R's way is found", {
  weights <- expect_pycifar_error(cifar_train(small_dataset(), class_weight = 1), "argument")
  expect_match(conditionMessage(weights), "`class_weights` must be")
})

test_that("an argument that must be given is named", {
  model <- small_model()
  expect_error(cifar_train(), "`dataset` must be given", class = "pycifar_error_argument")
  expect_error(cifar_evaluate(model), "`dataset` must be given", class = "pycifar_error_argument")
  expect_error(predict(model), "`images` must be given", class = "pycifar_error_argument")
  expect_error(cifar_load_model(), "`path` must be given", class = "pycifar_error_argument")
})

test_that("a function that takes too little is refused before it is called", {
  dataset <- small_dataset()
  expect_error(
    cifar_train(dataset, function() NULL),
    "function\\(input_shape, n_classes\\)",
    class = "pycifar_error_argument"
  )
  expect_error(
    cifar_train(dataset, "softmax", callbacks = list(on_epoch_end = function(epoch) NULL)),
    "function\\(epoch, logs\\), not one of `epoch` alone",
    class = "pycifar_error_argument"
  )
})

test_that("what Python describes is written as R writes it", {
  refused <- function(code, message) expect_pycifar_error(code, "argument", message)
  folder <- withr::local_tempdir()
  load <- function(...) cifar_load_dataset("folder", folder, ...)
  refused(load(class_names = c("a", "a")), "different names, not c(\"a\", \"a\").")
  refused(load(image_size = c(8, 8, 3)), "height and width, not c(8, 8, 3).")
  refused(cifar_build_model("cnn2", seed = 1e10), "not 10000000000.")
})

test_that("values are named all or none, and a metric takes what it is given", {
  dataset <- small_dataset()
  refused <- function(message, ...) {
    expect_pycifar_error(cifar_train(dataset, "softmax", ...), "argument", message)
  }
  refused("for none; value 1 has none.", augmentation = list("flip", shift = 2))
  refused("for none; value 2 has none.", class_weights = c(circle = 2, 3))
  refused(
    "`mine` must be a function(y_true, y_pred), not one of `x` alone.",
    metrics = list(mine = function(x) 0)
  )
})

test_that("names and classes that mean nothing to Python stay in R", {
  expect_identical(several_values(c(a = "x", b = "y"), "x", "texts"), list("x", "y"))
  expect_identical(several_values(which(c(a = TRUE, b = TRUE)), "x", "numbers"), list(1L, 2L))
  paths <- structure(c(a = "x.png"), class = c("fs_path", "character"))
  expect_identical(several_values(paths, "x", "paths"), list("x.png"))
  expect_identical(named_values(c(cat = 2), "x", "numbers"), list(cat = 2L))
  expect_pycifar_error(
    named_values(c(cat = 2, cat = 3), "x", "numbers"),
    "argument",
    "`x` must have one value a name; it has several `cat`."
  )
})
