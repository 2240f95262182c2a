test_that("a model fits on one line", {
  expect_identical(
    format(invented_model()),
    paste(
      "<cifar_trained_model> cnn2, 4,206,082 parameters, 3 of 3 epochs,",
      "train accuracy 0.7500, validation accuracy 0.6250"
    )
  )
  unfinished <- invented_model(
    interrupted = TRUE,
    epochs_done = 0L,
    history = invented_model()$history[0L, ]
  )
  expect_match(format(unfinished), "0 of 3 epochs \\(interrupted\\)$")
})

test_that("the history is a data frame", {
  expect_identical(as.data.frame(invented_model()), as.data.frame(invented_model()$history))
})

test_that("weights are arrays by name", {
  weights <- coef(small_model())
  expect_identical(
    names(weights)[1:2],
    c("conv1_1/kernel", "conv1_1/bias")
  )
  expect_identical(dim(weights[["conv1_1/kernel"]]), c(3L, 3L, 3L, 32L))
  expect_identical(sum(lengths(weights)), small_model()$parameters)
  expect_identical(coef(small_model(), "conv1_1"), weights[1:2])
  expect_pycifar_error(coef(small_model(), "conv9"), "unknown_name", "\"conv1_1\"")
})

test_that("weights of R and of Python are the same numbers", {
  reticulate <- asNamespace("reticulate")
  kernel <- small_model()$handle$network$get_layer("conv1_1")$kernel$numpy()
  expect_equal(coef(small_model(), "conv1_1")[[1L]], reticulate$py_to_r(kernel))
})

test_that("the generics of other packages have methods", {
  skip_if_not_installed("generics")
  model <- small_model()
  expect_identical(generics::tidy(model), model$layers)
  glance <- generics::glance(model)
  expect_identical(nrow(glance), 1L)
  accuracy <- model$history$value[
    model$history$split == "train" &
      model$history$metric == "accuracy"
  ]
  expect_identical(glance$train_accuracy, accuracy)
  evaluation <- generics::evaluate(model, small_dataset())
  expect_identical(evaluation$accuracy, small_evaluation()$accuracy)
  fitted <- generics::fit(
    cifar_build_model("cnn2", seed = 1),
    small_dataset(),
    epochs = 1,
    seed = 1,
    verbose = 0
  )
  expect_identical(fitted$fingerprint, model$fingerprint)
  linear <- cifar_train(small_dataset(), "softmax", epochs = 1, seed = 1, verbose = 0)
  expect_identical(
    generics::fit(linear, epochs = 1, verbose = 0)$fingerprint,
    generics::fit(linear, small_dataset(), epochs = 1, verbose = 0)$fingerprint
  )
})

test_that("augment adds classes and probabilities to what was given", {
  skip_if_not_installed("generics")
  model <- small_model()
  found <- generics::augment(model, small_dataset())
  expect_identical(names(found)[1:4], c("index", ".truth", ".pred_class", ".pred_circle"))
  expect_identical(found$index, 1:100)
  expect_identical(found$.pred_class, predict(model, small_dataset()))
  expect_identical(mean(found$.truth == found$.pred_class), small_evaluation()$accuracy)
  rows <- generics::augment(small_evaluation())
  expect_named(rows, c(".truth", ".pred_class"))
  expect_identical(
    table(rows$.truth, rows$.pred_class),
    table(found$.truth, found$.pred_class)
  )
  expect_identical(names(generics::augment(model, test_images(2L)))[[1L]], ".pred_class")
  skip_if_not_installed("png")
  paths <- replicate(2L, withr::local_tempfile(fileext = ".png", .local_envir = parent.frame(5L)))
  for (path in paths) {
    png::writePNG(test_images(1L)[1, , , ] / 255, path)
  }
  table <- data.frame(path = paths, name = c("a", "b"))
  found <- generics::augment(model, table)
  expect_identical(found[1:2], tibble::as_tibble(table))
  pattern <- data.frame(path = file.path(dirname(paths[[1L]]), "*.png"))
  if (length(Sys.glob(pattern$path)) > 1L) {
    expect_pycifar_error(generics::augment(model, pattern), "argument", "must name one file")
  }
})

test_that("no images give no rows", {
  skip_without_python()
  model <- small_model()
  none <- list(character(), list(), test_images(0L), data.frame(path = character(), n = integer()))
  for (images in none) {
    expect_identical(predict(model, images), factor(character(), levels(small_dataset())))
    expect_identical(dim(predict(model, images, type = "prob", tta = TRUE)), c(0L, 10L))
  }
  skip_if_not_installed("generics")
  found <- generics::augment(model, none[[4L]])
  expect_identical(names(found)[1:4], c("path", "n", ".pred_class", ".pred_circle"))
  expect_identical(nrow(found), 0L)
  wrong <- array(0L, c(0L, 16L, 16L, 3L))
  expect_pycifar_error(predict(model, wrong), "image", "must be 32\u00d732 pixels")
  expect_pycifar_error(predict(model, numeric()), "image", "not an array of shape (0,)")
  expect_pycifar_error(predict(model, data.frame()[0L, ]), "argument", "must have a column `path`")
})

test_that("a class may be called \"class\"", {
  skip_if_not_installed("generics")
  skip_without_python()
  labels <- rep(c("class", "other"), 10L)
  dataset <- cifar_load_dataset(list(train = list(test_images(20L), labels)))
  model <- cifar_train(dataset, "softmax", epochs = 1, validation = NULL, seed = 1, verbose = 0)
  found <- generics::augment(model, test_images(2L))
  expect_identical(names(found), c(".pred_class", ".pred_class.1", ".pred_other"))
  expect_identical(found$.pred_class, predict(model, test_images(2L)))
})

test_that("autoplot draws what plot draws", {
  for (object in list(invented_model(), invented_evaluation())) {
    expect_identical(ggplot2::autoplot(object)$labels, plot(object)$labels)
  }
})

test_that("a table that was augmented is augmented anew", {
  skip_if_not_installed("generics")
  skip_if_not_installed("png")
  path <- withr::local_tempfile(fileext = ".png")
  png::writePNG(test_images(1L)[1, , , ] / 255, path)
  once <- generics::augment(small_model(), data.frame(path = path))
  expect_identical(generics::augment(small_model(), once), once)
  expect_error(
    generics::augment(small_model(), once, type = "class"),
    "does not take `type`",
    class = "pycifar_error_argument"
  )
})

test_that("weights within other layers, and those that are one number, have names of their own", {
  skip_without_python()
  layers <- asNamespace("reticulate")$import("keras")$layers
  network <- function(input_shape, n_classes) {
    asNamespace("reticulate")$import("keras")$Sequential(list(
      layers$Input(input_shape),
      layers$Normalization(name = "scale"),
      asNamespace("reticulate")$import("keras")$Sequential(
        list(layers$Conv2D(4L, 3L, name = "a"), layers$Conv2D(8L, 3L, name = "b")),
        name = "body"
      ),
      layers$GlobalMaxPooling2D(),
      layers$Dense(n_classes, activation = "softmax", name = "last")
    ))
  }
  model <- cifar_train(small_dataset(), network, epochs = 1, seed = 1, verbose = 0)
  weights <- coef(model)
  expect_identical(
    names(weights)[4:8],
    c("body/a/kernel", "body/a/bias", "body/b/kernel", "body/b/bias", "last/kernel")
  )
  expect_identical(sum(lengths(weights)), model$parameters)
  expect_identical(weights[["scale/count"]], 0)
})

test_that("fit leaves the network that it is given as it is", {
  skip_if_not_installed("generics")
  skip_without_python()
  network <- cifar_build_model("softmax", seed = 1)
  fit <- function() generics::fit(network, small_dataset(), epochs = 1, seed = 1, verbose = 0)
  once <- fit()
  expect_identical(fit()$fingerprint, once$fingerprint)
})

test_that("the figures are those of the epoch whose weights are kept", {
  skip_if_not_installed("generics")
  best <- invented_model(best_epoch = 2L)
  expect_identical(generics::glance(best)$validation_accuracy, 0.5625)
  expect_match(format(best), "validation accuracy 0.5625")
  expect_output(print(best), "3 of 3 epochs (weights of epoch 2), seed 7", fixed = TRUE)
})

test_that("what a method does not take is refused", {
  skip_if_not_installed("generics")
  model <- invented_model()
  expect_pycifar_error(generics::tidy(model, layer = "hidden"), "argument", "`layer`")
  expect_pycifar_error(generics::glance(model, split = "test"), "argument", "`split`")
  expect_pycifar_error(summary(model, digits = 2), "argument", "`digits`")
  expect_pycifar_error(summary(invented_dataset(), split = "test"), "argument", "`split`")
})

test_that("augment gives the file and the number of each image of a data set", {
  skip_if_not_installed("generics")
  skip_if_not_installed("png")
  classes <- small_dataset()$class_names
  folder <- withr::local_tempdir()
  for (class in classes) {
    dir.create(file.path(folder, "test", class), recursive = TRUE)
    png::writePNG(test_images(1L)[1, , , ] / 255, file.path(folder, "test", class, "a.png"))
  }
  dataset <- cifar_load_dataset("folder", data_dir = folder, class_names = classes)
  found <- generics::augment(small_model(), dataset)
  expect_identical(names(found)[1:4], c("path", "index", ".truth", ".pred_class"))
  expect_identical(basename(dirname(found$path)), as.character(found$.truth))
  for (name in c("newdata", "data", "images")) {
    named <- do.call(
      generics::augment,
      c(list(small_model()), rlang::set_names(list(dataset), name))
    )
    expect_identical(named, found)
  }
  expect_pycifar_error(generics::augment(small_model()), "argument", "`new_data` must be given")
  expect_pycifar_error(
    generics::augment(small_model(), data = dataset, type = "prob"),
    "unknown_argument",
    "augment() does not take `type`"
  )
  expect_identical(as.data.frame(dataset)$path, found$path)
  expect_identical(dim(dataset), dim(tibble::as_tibble(dataset)))
  resized <- cifar_load_dataset(list(train = list(test_images(2L), c("a", "b"))), image_size = 8)
  expect_identical(dim(resized), dim(tibble::as_tibble(resized)))
  expect_identical(names(tibble::as_tibble(dataset)), c("split", "index", "class", "path"))
  expect_identical(names(as.data.frame(small_dataset())), c("split", "index", "class"))
  expect_identical(predict(small_model(), found$path), found$.pred_class)
  wrong <- found[found$.truth != found$.pred_class, ]
  expect_identical(dim(cifar_images(dataset, wrong$index))[[1L]], nrow(wrong))
  held_out <- generics::augment(small_model(), small_dataset(), split = "validation")
  expect_identical(nrow(held_out), 20L)
  expect_identical(
    held_out$.pred_class,
    predict(small_model(), small_dataset(), split = "validation")
  )
})

test_that("augment leaves a row of NA for an image that is skipped", {
  skip_if_not_installed("generics")
  skip_if_not_installed("png")
  path <- withr::local_tempfile(fileext = ".png")
  png::writePNG(test_images(1L)[1, , , ] / 255, path)
  table <- data.frame(path = c("none.png", path))
  expect_warning(
    found <- generics::augment(small_model(), table, on_error = "skip"),
    "1 of 2",
    class = "pycifar_warning_skipped"
  )
  expect_identical(found$path, table$path)
  expect_identical(
    found$.pred_class,
    c(factor(NA, levels(small_dataset())), predict(small_model(), path))
  )
  expect_true(all(is.na(found[1L, -1L])))
})
