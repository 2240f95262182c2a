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

# The same with a second epoch.
further_model <- function() {
  model <- small_model()
  once("further", function() cifar_train(model, epochs = 1, verbose = 0))
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
    kept = list(file = raw()),
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

# What a session of its own finds out, and the lines that it prints: Keras is imported before pycifar
# uses it, a model comes from a file, another is trained, and a third training is interrupted. One
# session serves several tests, because to import Keras takes seconds.
other_session <- function() {
  skip_on_os("windows") # where nobody can interrupt it
  small_model()
  once("other_session", function() {
    folder <- withr::local_tempdir()
    cifar_save_model(small_model(), file.path(folder, "model.keras"))
    lines <- run_and_interrupt(
      folder,
      c(
        "library(pycifar)",
        "keras <- reticulate::import('keras')",
        "port <- reticulate::import('tensorflow.python.util._pywrap_util_port')",
        "loaded <- cifar_load_model('model.keras')",
        "refused <- tryCatch(cifar_train(loaded, epochs = 1), pycifar_error_data = identity)",
        "dataset <- cifar_load_dataset('synthetic', n_train = 200, n_test = 100)",
        "trained <- cifar_train(dataset, epochs = 1, seed = 1, verbose = 0)",
        "found <- list(onednn = port$IsMklEnabled(), refused = refused$fix, trained = trained)",
        "saveRDS(found, 'found.rds')",
        "model <- withCallingHandlers(",
        "  cifar_train(dataset, 'softmax', epochs = 10000, seed = 1, verbose = 0,",
        "    callbacks = list(on_epoch_end = function(epoch, logs) {",
        "      if (epoch == 2) writeLines(as.character(Sys.getpid()), 'running')",
        "    })),",
        "  pycifar_warning_interrupted = function(warning) {",
        "    cat('warned\\n')",
        "    invokeRestart('muffleWarning')",
        "  }",
        ")",
        "cat(model$interrupted, model$epochs_done >= 2, nrow(model$history) >= 8, '\\n')",
        "cat(length(predict(model, dataset)), '\\n')",
        "print(model)",
        "cat('the end\\n')"
      )
    )
    c(readRDS(file.path(folder, "found.rds")), list(lines = lines))
  })
}

# Run code in a folder and interrupt it when it has written the number of its process to the file
# `running`; the lines that it prints until "the end".
run_and_interrupt <- function(folder, code) {
  script <- file.path(folder, "script.R")
  output <- file.path(folder, "output.txt")
  writeLines(code, script)
  withr::with_dir(
    folder,
    withr::with_envvar(
      c(R_LIBS = paste(.libPaths(), collapse = ":"), TF_ENABLE_ONEDNN_OPTS = ""),
      system2(
        file.path(R.home("bin"), "Rscript"),
        shQuote(script),
        stdout = output,
        stderr = output,
        wait = FALSE
      )
    )
  )
  lines <- function() if (file.exists(output)) readLines(output, warn = FALSE)
  wait <- function(done) {
    wait_until(function() done() || "Execution halted" %in% lines(), lines)
    if (!done()) {
      stop(paste(lines(), collapse = "\n"))
    }
  }
  pid <- file.path(folder, "running")
  wait(function() file.exists(pid) && length(readLines(pid)) == 1L)
  tools::pskill(as.integer(readLines(pid)), tools::SIGINT)
  wait(function() "the end" %in% lines())
  lines()
}

# What processes of other packages make of a saved model, by the package: its fingerprint, and its
# predictions for test_images(). They start together, since each of them has to import Keras. The one
# of parallel is told to do without oneDNN, and whether it did comes third.
worker_answers <- function() {
  small_model()
  once("worker_answers", function() {
    path <- withr::local_tempfile(fileext = ".keras")
    cifar_save_model(small_model(), path)
    task <- function(path, libraries, images) {
      .libPaths(libraries)
      model <- pycifar::cifar_load_model(path)
      port <- reticulate::import("tensorflow.python.util._pywrap_util_port")
      list(model$fingerprint, stats::predict(model, images), port$IsMklEnabled())
    }
    environment(task) <- globalenv()
    arguments <- list(path, .libPaths(), test_images())
    process <- promised <- NULL
    if (requireNamespace("callr", quietly = TRUE)) {
      process <- callr::r_bg(task, arguments)
    }
    if (requireNamespace("future", quietly = TRUE)) {
      before <- future::plan(future::multisession, workers = 2L)
      withr::defer(future::plan(before))
      promised <- future::future(do.call(task, arguments), seed = NULL)
    }
    worker <- parallel::makePSOCKcluster(1L)
    withr::defer(parallel::stopCluster(worker))
    parallel::clusterCall(worker, Sys.setenv, TF_ENABLE_ONEDNN_OPTS = "0")
    found <- do.call(parallel::clusterCall, c(list(worker, task), arguments))
    if (!is.null(process)) {
      process$wait()
    }
    list(
      parallel = found[[1L]],
      callr = if (!is.null(process)) process$get_result(),
      future = if (!is.null(promised)) future::value(promised)
    )
  })
}

# An object with other elements, which a user cannot change.
changed <- function(object, ...) {
  structure(utils::modifyList(unclass(object), list(...)), class = class(object))
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

# Ten photographs of 30 by 70 pixels in two classes, whose edges are white.
wide_photographs <- function() {
  folder <- withr::local_tempdir(.local_envir = parent.frame())
  for (class in c("dark", "light")) {
    dir.create(file.path(folder, "train", class), recursive = TRUE)
    for (i in 1:5) {
      pixels <- array(1, c(30, 70, 3))
      pixels[, 21:50, ] <- if (class == "dark") 0.1 * i else 0.5 + 0.1 * i
      png::writePNG(pixels, file.path(folder, "train", class, sprintf("%d.png", i)))
    }
  }
  folder
}
