#' Build an untrained model
#'
#' @param architecture A name from [cifar_list_architectures()]; or a function that is called with
#'   `input_shape` (an integer vector of height, width and 3) and `n_classes` and returns a Keras
#'   model; or a model, such as one of the package keras3, which is checked and returned.
#' @param input_shape Height, width and 3: the shape of an image, in pixels.
#' @param n_classes The number of classes, at least 2.
#' @param seed Fixes the initial weights; a whole number from 0 to 2^31 - 1, or `NULL` to draw one.
#' @param hidden The number of units in each hidden layer, each at least 1. This and what follows is
#'   for the networks written in NumPy, `"mlp_sigmoid"` and `"mlp_relu"`; `NULL` keeps what they
#'   have.
#' @param activation Of the hidden layers: `"sigmoid"` or `"relu"`.
#' @param l2 The loss has this times the sum of the squares of all weights as well; at least 0.
#' @param precision What is computed with: `"float32"`; `"bfloat16"`, which the machine must have;
#'   or `"auto"`, which is bfloat16 for `"cnn2"`, `"cnn4"` and `"fastnet"` on a machine that has it,
#'   and else float32. A network of NumPy has float32, and a model that is given keeps its own.
#'
#' @return A model from raw pixels (0-255) to class probabilities, of class `cifar_network` and the
#'   classes that reticulate gives it: a Keras model, which functions for Keras models take as it
#'   is, but for the verbs in [cifar_generics]; or a network of NumPy. [cifar_train()] trains it in
#'   place.
#' @section Errors:
#' `pycifar_error_unknown_name` for an architecture that does not exist, `pycifar_error_argument`
#' for any other argument.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' cifar_build_model("cnn2", seed = 1)
#' cifar_build_model("mlp_relu", hidden = c(128, 64), activation = "sigmoid", seed = 1)
cifar_build_model <- function(
  architecture = "cnn2",
  input_shape = c(32, 32, 3),
  n_classes = 10,
  seed = NULL,
  hidden = NULL,
  activation = NULL,
  l2 = NULL,
  precision = "auto"
) {
  architecture <- architecture_to_python(architecture)
  network <- python_call(
    "build_model",
    architecture,
    several_values(input_shape, "input_shape", "three numbers"),
    one_value(n_classes, "n_classes", "a single number"),
    one_value(seed, "seed", "a single number"),
    hidden = several_values(hidden, "hidden", "numbers of units"),
    activation = one_value(activation, "activation", "the name of an activation"),
    l2 = one_value(l2, "l2", "a single number"),
    precision = one_value(precision, "precision", "the name of a precision")
  )
  class(network) <- unique(c("cifar_network", class(network)))
  network
}

#' @export
print.cifar_network <- function(x, ...) {
  if (is_dead(x)) {
    cat("<cifar_network> from an R session that has ended\n")
    return(invisible(x))
  }
  about <- python_call("describe_network", x)
  cat(
    sprintf("<cifar_network> %s\n", about$name),
    sprintf(
      "%s parameters, from images of %s pixels to %d classes\n",
      format(about$parameters, big.mark = ","),
      describe_shape(unlist(about$image_shape)),
      about$n_classes
    ),
    sep = ""
  )
  invisible(x)
}

# An architecture ready to cross: a name, a function of R, a Keras model or a trained model.
architecture_to_python <- function(architecture, call = rlang::caller_env()) {
  if (inherits(architecture, "cifar_trained_model")) {
    return(live_handle(architecture, "architecture", "cifar_trained_model", call))
  }
  if (is_python_object(architecture)) {
    if (is_dead(architecture)) {
      abort_dead("architecture", "cifar_network", call)
    }
    return(architecture)
  }
  if (is.function(architecture)) {
    check_takes(architecture, "architecture", c("input_shape", "n_classes"), call)
    return(callable_from_python(
      function(input_shape, n_classes) architecture(unlist(input_shape), n_classes)
    ))
  }
  allowed <- "a name, a function, a Keras model or a trained model"
  one_value(architecture, "architecture", allowed, call)
}
