# What many tests look at, made once.

made <- new.env(parent = emptyenv())

once <- function(name, make) {
  if (is.null(made[[name]])) {
    made[[name]] <- make()
  }
  made[[name]]
}

small_dataset <- function() {
  skip_without_python()
  once("dataset", function() cifar_load_dataset("synthetic", n_train = 200, n_test = 100))
}

small_model <- function() {
  dataset <- small_dataset()
  once("model", function() cifar_train(dataset, epochs = 1, seed = 1, verbose = 0))
}

small_evaluation <- function() {
  model <- small_model()
  once("evaluation", function() cifar_evaluate(model, small_dataset()))
}

# Integers 0-255 as images.
test_images <- function(n = 4L) {
  values <- withr::with_seed(1, sample.int(256L, n * 32L * 32L * 3L, replace = TRUE) - 1L)
  array(values, c(n, 32L, 32L, 3L))
}

# Objects with invented figures, which print the same on every machine.
invented_model <- function(...) {
  settings <- list(
    architecture = "cnn2",
    epochs = 3L,
    batch_size = 128L,
    optimizer = "sgd",
    learning_rate = 0.01,
    schedule = "constant",
    weight_decay = 0,
    augmentation = list(flip = TRUE, shift = 4L),
    validation = 0.1,
    early_stopping = NULL,
    best_weights = FALSE,
    seed = 7L
  )
  model <- list(
    handle = NULL,
    architecture = "cnn2",
    class_names = c("cat", "dog"),
    image_shape = c(32L, 32L, 3L),
    parameters = 4206082L,
    config = settings,
    history = tibble::tibble(
      epoch = rep(1:3, each = 4L),
      split = rep(rep(c("train", "validation"), each = 2L), 3L),
      metric = rep(c("loss", "accuracy"), 6L),
      value = c(2, 0.25, 1.75, 0.375, 1.5, 0.5, 1.25, 0.5625, 1, 0.75, 1.125, 0.625)
    ),
    layers = tibble::tibble(
      layer = c("scaling", "hidden", "probabilities"),
      type = c("Rescaling", "Dense", "Dense"),
      output_shape = c("32\u00d732\u00d73", "512", "2"),
      parameters = c(0L, 4205056L, 1026L)
    ),
    data = list(name = "pets", source = "photographs", fingerprint = strrep("0a", 32L)),
    seconds = c(3, 2, 2),
    epochs_done = 3L,
    interrupted = FALSE,
    versions = c(pycifar = "0.1.0"),
    fingerprint = strrep("f0", 32L)
  )
  changes <- list(...)
  model[names(changes)] <- changes
  structure(model, class = "cifar_trained_model")
}

invented_dataset <- function(class_names = c("cat", "dog")) {
  structure(
    list(
      handle = NULL,
      name = "pets",
      source = "photographs",
      class_names = class_names,
      image_shape = c(32L, 32L, 3L),
      splits = c(train = 12000L, test = 60L)
    ),
    class = "cifar_dataset"
  )
}

invented_evaluation <- function() {
  classes <- factor(c("cat", "dog"))
  structure(
    list(
      split = "test",
      n = 1060L,
      accuracy = 0.75,
      loss = 0.5,
      calibration_error = 0.0625,
      per_class = tibble::tibble(
        class = classes,
        precision = c(0.75, 0.5),
        recall = c(1, 0.25),
        f1 = c(0.8571, 0.3333),
        support = c(1000L, 60L)
      ),
      confusion = tibble::tibble(
        truth = rep(classes, each = 2L),
        predicted = rep(classes, 2L),
        n = c(1000L, 0L, 45L, 15L)
      )
    ),
    class = "cifar_evaluation"
  )
}

# A handle as it comes back from a file: its pointer is null.
dead_copy <- function(object) {
  path <- withr::local_tempfile()
  saveRDS(object, path)
  readRDS(path)
}

# The channels of a raster as png::writePNG() takes them: fractions, (height, width, 4).
as.matrix_of_channels <- function(raster) {
  values <- grDevices::col2rgb(as.matrix(raster), alpha = TRUE) / 255
  array(t(values), c(dim(raster), 4L))
}
