# Convert the settings of a training for Python. `training_settings` has one line for each setting.

# Return a function that converts one setting. It is called with the value, the name of the
# argument, and the frame of the exported function.
one_of_its_kind <- function(allowed) {
  function(x, name, call) one_value(x, name, allowed, call)
}

a_number <- one_of_its_kind("a single number")
a_flag <- one_of_its_kind("TRUE or FALSE")

# Return the name of an optimizer, or a Keras optimizer.
optimizer_to_python <- function(optimizer, name, call) {
  if (is_python_object(optimizer)) {
    return(optimizer)
  }
  one_value(optimizer, name, "the name of an optimizer, or a Keras optimizer", call)
}

# Return "balanced", or numbers by class name, in the form that Python takes.
class_weights_to_python <- function(weights, name, call) {
  if (is.null(weights) || identical(weights, "balanced")) {
    return(weights)
  }
  numbers <- is.numeric(weights) || is.list(weights) && all(vapply(weights, is.numeric, NA))
  if (!numbers || is.null(names(weights))) {
    allowed <- "\"balanced\" or numbers by class name, such as c(cat = 2)"
    abort_argument(name, allowed, weights, call)
  }
  named_values(weights, name, "numbers without missing values", call)
}

# Return an augmentation in the form that Python takes. It is a vector of names, or a named list of
# values.
augmentation_to_python <- function(augmentation, name, call) {
  allowed <- "names, or a list such as list(flip = TRUE, shift = 4)"
  values <- named_values(augmentation, name, allowed, call)
  if (is.null(names(values)) && length(values) == 1L) values[[1L]] else values
}

# Return the name of a loss, a Keras loss, or an R function, in the form that Python takes.
loss_to_python <- function(loss, name, call) {
  if (is_python_object(loss)) {
    return(loss)
  }
  if (is.function(loss)) {
    check_takes(loss, name, c("y_true", "y_pred"), call)
    # The record of the model has this name, which reticulate gives to the function in Python.
    return(structure(callable_from_python(loss), py_function_name = name))
  }
  one_value(loss, name, "the name of a loss, a Keras loss, or a function(y_true, y_pred)", call)
}

# Return metrics in the form that Python takes: names, Keras metrics, and R functions by name.
metrics_to_python <- function(metrics, name, call) {
  if (is.null(metrics) || is_python_object(metrics)) {
    return(metrics)
  }
  is_vector <- (is.character(metrics) || is_bare_list(metrics)) && !anyNA(metrics)
  own <- if (is_vector) vapply(metrics, is_function_of_r, NA)
  if (!is_vector || !all(nzchar(rlang::names2(metrics)[own]))) {
    allowed <- "names, Keras metrics, or named functions, list(mine = function(y_true, y_pred) 0)"
    abort_argument(name, allowed, metrics, call)
  }
  # The record of the model has these names, which reticulate gives to the functions in Python.
  metrics[own] <- Map(
    function(metric, own) {
      check_takes(metric, own, c("y_true", "y_pred"), call)
      structure(callable_from_python(metric), py_function_name = own)
    },
    metrics[own],
    names(metrics)[own]
  )
  unname(as.list(metrics))
}

# Check whether a value is a function of R. reticulate makes functions of the objects of Keras, too.
is_function_of_r <- function(x) {
  is.function(x) && !is_python_object(x)
}

# Return the weights of images in the form that Python takes.
weights_to_python <- function(weights, name, call) {
  if (is.null(weights)) {
    return(NULL)
  }
  if (!is.numeric(weights) || anyNA(weights)) {
    abort_argument(name, "numbers without missing values", weights, call)
  }
  as.list(as.double(weights))
}

# Return the weights to begin with in the form that Python takes: a name, or the path of a file. The
# function in the frame `call` has the architecture, of which one has its weights in a package.
pretrained_to_python <- function(weights, name, call) {
  weights <- one_value(weights, name, "the name of weights or the path of a file", call)
  if (identical(weights, "imagenet") && identical(call$architecture, "efficientnet_lite0")) {
    declare_weights()
  }
  weights
}

# The functions that convert the settings, by the name of the argument.
training_settings <- list(
  epochs = a_number,
  batch_size = a_number,
  optimizer = optimizer_to_python,
  learning_rate = a_number,
  schedule = one_of_its_kind("the name of a schedule"),
  weight_decay = a_number,
  momentum = a_number,
  label_smoothing = a_number,
  class_weights = class_weights_to_python,
  precision = one_of_its_kind("the name of a precision"),
  augmentation = augmentation_to_python,
  validation = one_of_its_kind("a single number or the name of a split"),
  early_stopping = a_number,
  best_weights = a_flag,
  time_budget = a_number,
  checkpoint_dir = one_of_its_kind("the path of a folder"),
  checkpoint_every = a_number,
  resume = a_flag,
  seed = a_number,
  loss = loss_to_python,
  metrics = metrics_to_python,
  sample_weight = weights_to_python,
  monitor = one_of_its_kind("the name of a metric"),
  weights = pretrained_to_python,
  frozen_epochs = a_number,
  fine_tune_rate = a_number
)

# Return the settings among the arguments of an exported function, in the form that Python takes.
# `frame` is the frame of that function.
settings_to_python <- function(frame) {
  given <- intersect(names(training_settings), ls(frame))
  sapply(
    given,
    function(name) training_settings[[name]](frame[[name]], name, frame),
    simplify = FALSE
  )
}
