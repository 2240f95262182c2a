# R's names, arguments, order and defaults are Python's.

pairs <- list(
  load_dataset = cifar_load_dataset,
  clear_cache = cifar_clear_cache,
  list_architectures = cifar_list_architectures,
  build_model = cifar_build_model,
  train = cifar_train,
  find_learning_rate = cifar_find_learning_rate,
  evaluate = cifar_evaluate,
  save_model = cifar_save_model,
  load_model = cifar_load_model,
  adopt_model = cifar_adopt_model,
  calibrate = cifar_calibrate,
  export_model = cifar_export_model,
  inspect_model = cifar_inspect_model,
  reproduce = cifar_reproduce,
  load_reproduction = cifar_load_reproduction,
  extract_features = cifar_extract_features,
  explain = cifar_explain,
  receptive_field = cifar_receptive_field,
  serve = cifar_serve,
  doctor = cifar_doctor
)

# Arguments with their defaults, as text; R's own names for the first argument of a method are given
# Python's, and dots are left out.
in_r <- function(f, first = NULL) {
  arguments <- as.list(formals(f))
  arguments <- if (length(arguments) > 1L) arguments[names(arguments) != "..."] # NULL has no names
  if (!is.null(first)) {
    names(arguments)[[1L]] <- first
  }
  vapply(
    arguments,
    function(default) {
      if (identical(default, rlang::missing_arg())) "required" else in_words(eval(default))
    },
    character(1L)
  )
}

in_python <- function(name, without = character()) {
  inspect <- reticulate::import("inspect")
  pycifar <- reticulate::import("pycifar")
  parameters <- inspect$signature(pycifar[[name]])$parameters
  names <- unlist(reticulate::iterate(parameters$keys()))
  defaults <- vapply(
    names,
    function(argument) {
      default <- parameters[[argument]]$default
      if (is_python_object(default)) "required" else in_words(default) # a class: inspect._empty
    },
    character(1L)
  )
  defaults[setdiff(names(defaults), without)]
}

in_words <- function(value) {
  if (is.null(value)) "NULL" else paste(unlist(value), collapse = ", ")
}

test_that("functions agree", {
  skip_without_python()
  withr::local_envvar(TESTTHAT = "") # in tests, verbose is 0
  for (name in names(pairs)) {
    # R starts a server beside the session alone.
    expect_identical(in_r(pairs[[name]]), in_python(name, without = "wait"), info = name)
  }
})

test_that("the card of a model takes the same arguments", {
  skip_without_python()
  expect_identical(in_r(cifar_model_card), in_python("write_model_card"))
})

test_that("each setting of a training has its way to Python", {
  others <- c("dataset", "architecture", "callbacks", "verbose", "...")
  expect_identical(names(training_settings), setdiff(names(formals(cifar_train)), others))
})

test_that("methods agree", {
  skip_without_python()
  expect_identical(in_r(predict.cifar_trained_model, "model"), in_python("predict"))
  expect_identical(in_r(summary.cifar_dataset, "dataset"), in_python("explore"))
  to_a_file <- c("path", "overwrite", "ax") # or into Axes of Matplotlib
  expect_identical(in_r(plot.cifar_dataset, "dataset"), in_python("plot_samples", to_a_file))
  expect_identical(in_r(plot.cifar_trained_model, "model"), in_python("plot_history", to_a_file))
  expect_identical(
    in_r(plot.cifar_evaluation, "evaluation"),
    in_python("plot_confusion", to_a_file)
  )
  expect_identical(in_r(cifar_plot_filters), in_python("plot_filters", to_a_file))
  expect_identical(in_r(cifar_plot_feature_maps), in_python("plot_feature_maps", to_a_file))
  expect_identical(
    in_r(plot.cifar_explanation, "explanation"),
    in_python("plot_explanation", to_a_file)
  )
  expect_identical(
    in_r(plot.cifar_reproduction, "reproduction"),
    in_python("plot_reproduction", to_a_file)
  )
})

test_that("parts of a data set agree with the methods of Python's data set", {
  skip_without_python()
  method <- function(name) {
    inspect <- reticulate::import("inspect")
    parameters <- inspect$signature(reticulate::import("pycifar")$Dataset[[name]])$parameters
    setdiff(unlist(reticulate::iterate(parameters$keys())), "self")
  }
  expect_identical(names(formals(cifar_folds)), c("dataset", method("folds"), "..."))
  expect_identical(
    names(formals(subset.cifar_dataset)),
    c("x", sub("which", "subset", method("subset")), "...")
  )
})

test_that("what is exported is this", {
  expect_setequal(
    getNamespaceExports("pycifar"),
    c(
      paste0("cifar_", names(pairs)),
      "cifar_available", # whether there is Python at all: in Python there is
      "cifar_fingerprint",
      "cifar_folds", # a method in Python
      "cifar_images",
      "cifar_labels",
      "cifar_model_card", # write_model_card() in Python
      "cifar_plot_filters",
      "cifar_plot_feature_maps"
    )
  )
})

test_that("each function refuses an argument that it does not have, and names what it has", {
  for (name in getNamespaceExports("pycifar")) {
    f <- getExportedValue("pycifar", name)
    refusal <- sprintf("%s() does not take `unheard_of`; it takes ", name)
    expect_pycifar_error(f(unheard_of = 1), "unknown_argument", refusal)
    expect_identical(utils::tail(names(formals(f)), 1L), "...")
  }
})

test_that("each class prints, and shows what it can", {
  registered <- getNamespaceInfo("pycifar", "S3methods")
  methods <- function(generic) {
    classes <- registered[registered[, 1L] == generic, 2L]
    classes[startsWith(classes, "cifar_")]
  }
  objects <- c("cifar_dataset", "cifar_evaluation", "cifar_trained_model")
  expect_setequal(
    methods("print"),
    c(
      objects,
      "cifar_diagnosis",
      "cifar_explanation",
      "cifar_export",
      "cifar_server",
      "cifar_learning_rates",
      "cifar_model_file",
      "cifar_network",
      "cifar_reproduction"
    )
  )
  expect_setequal(methods("summary"), objects)
  drawn <- c(objects, "cifar_explanation", "cifar_learning_rates", "cifar_reproduction")
  expect_setequal(methods("plot"), drawn)
  for (class in drawn) {
    expect_false(is.null(utils::getS3method("autoplot", class, TRUE, asNamespace("ggplot2"))))
  }
  expect_setequal(methods("predict"), "cifar_trained_model")
})
