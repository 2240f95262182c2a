#' Train an image classifier
#'
#' What is `NULL` takes the value of the architecture's recipe, see [cifar_list_architectures()];
#' another optimizer than the recipe's takes its usual learning rate and weight decay.
#' The same data, settings and seed give the same weights bit for bit on one machine with one
#' version of the backend and one number of threads, in R, in Python and in the shell;
#' [cifar_fingerprint()] tells.
#'
#' Interrupting (Ctrl-C, or the stop button) ends the training early: the model so far is returned,
#' with its history, `interrupted` set and a warning of class `pycifar_warning_interrupted`. SIGTERM
#' and SIGHUP, as schedulers, containers and closed terminals send them, end R after the step at
#' hand, once a checkpoint is made where there is a `checkpoint_dir`. A time
#' budget too short for one pass over the images does what fits, with a warning of class
#' `pycifar_warning_time_budget`.
#'
#' A trained model goes on where it stopped: `cifar_train(model, epochs = 5)` on the images that it
#' has seen, `cifar_train(dataset, model, epochs = 5)` on these or others of the same classes. What
#' comes back is a new model; the one given stays as it is. Momenta and the like, the order of the
#' images and the numbers of the epochs go on, and so do the settings unless others are given; a
#' schedule other than `"constant"` begins anew and spans the further epochs. The validation, the
#' precision and the seed are the model's own.
#'
#' @param dataset A data set from [cifar_load_dataset()]; or a trained model, to go on with the data
#'   set that it was trained on, which must still be loaded.
#' @param architecture A name from [cifar_list_architectures()]; or a function that is called with
#'   `input_shape` (an integer vector of height, width and 3) and `n_classes` and returns a Keras
#'   model; or a Keras model, such as one of [cifar_build_model()] or of the package keras3, which
#'   is trained in place; or a trained model, to go on with. `NULL` is `"cnn2"`, and must be where a
#'   trained model comes first.
#' @param epochs Passes over the training images, at least 1; further ones where a model goes on.
#' @param batch_size Images a step, from 1 to the number of training images.
#' @param optimizer `"sgd"`, `"adam"`, `"adamw"`, `"rmsprop"` or `"muon"`; or a Keras
#'   optimizer, not used before, which brings its own learning rate, schedule and weight decay.
#' @param learning_rate Above 0; at the start, or at the peak for `"one_cycle"`.
#' @param schedule How the learning rate changes over the run: `"constant"`; `"cosine"`, down to 0;
#'   `"step"`, divided by 10 after a half and after three quarters; `"exponential"`, down to 1%;
#'   `"one_cycle"`, up over the first quarter and then down to 0; `"inverse_sqrt"`, divided by
#'   the root of the steps so far, and down to 0, which suits short and long runs alike; or
#'   `"averaging"`, the same, but in a run of at least 12 passes over all images down to a ninth
#'   within two fifths, after which it stays, and the model ends with the mean of the weights since
#'   then (Izmailov et al. 2018), of those so far where it ends early; a validation measures it.
#' @param weight_decay Each step takes the learning rate times this off each weight, times the
#'   weight, but for biases and batch normalisation (Loshchilov and Hutter 2019); at least 0.
#' @param momentum The share of the last step that goes into the next one, from 0 to below 1, for
#'   `"sgd"` (0.9 unless given) and `"muon"` (0.6); must be left out for other optimizers.
#' @param label_smoothing The share of the truth that is spread evenly over all classes, from 0 to
#'   below 1; 0 for a network of NumPy. The losses of the history have it in them.
#' @param class_weights What the images of each class count in the training loss: numbers of at
#'   least 0 by class name, such as `c(cat = 2, dog = 1.5)`, where a class that is left out counts
#'   1; or `"balanced"`, inversely to how many images the class has. `NULL` counts all alike, and
#'   must be so for a network of NumPy.
#' @param precision What is computed with: `"float32"`; `"bfloat16"`, which the machine must have;
#'   or `"auto"`, which is bfloat16 for `"cnn2"`, `"cnn4"` and `"fastnet"` on a machine that has it,
#'   and else float32. Weights, losses and updates are float32 always. A network of NumPy has
#'   nothing else, and a model that is given keeps its own.
#' @param augmentation `"none"`, or any of `"flip"`, `"shift"` and `"cutout"`; or a list of these
#'   with their values, such as `list(flip = TRUE, shift = 4)`: `flip` mirrors half of the images,
#'   or, where it is `"alternating"`, each in every other epoch; `shift` moves them by up to so many
#'   pixels, and `cutout` blanks a square with sides of so many. With `flip`, as it has by itself,
#'   mirrored images are the same to `"fastnet"`: leave it out where a class is the mirror image of
#'   another.
#' @param validation The share of the training split that is held out, above 0 and below 1, drawn
#'   with the seed and balanced over the classes; or the name of a split, such as `"test"`; or
#'   `NULL` for none. `"auto"` is 0.1, or what a model that goes on had.
#' @param early_stopping Stop after this many epochs without a lower validation loss (training loss
#'   where there is no validation); `NULL` never stops.
#' @param best_weights Whether to keep the weights of the epoch with the lowest such loss, rather
#'   than the last ones.
#' @param callbacks Functions to call while training, as a list by name: `on_train_begin(logs)`,
#'   `on_train_end(logs)`, `on_epoch_begin(epoch, logs)`, `on_epoch_end(epoch, logs)` and
#'   `on_train_batch_end(batch, logs)`. Epochs and batches count from 1, `logs` is a named list of
#'   numbers, and returning `FALSE` stops the training. Or a Keras callback, or a list of any of
#'   these.
#' @param time_budget Seconds that all of it may take, above 0, in place of `epochs`: as many
#'   steps as fit, and the schedule spans them. How many that is depends on the machine; the model's
#'   `config` tells. Importing Keras, if that was not done before, is part of it; starting Python
#'   is not.
#' @param checkpoint_dir A folder, made where there is none, that is given a checkpoint after each
#'   epoch: all that a training which is cut off, even by a loss of power, goes on from. It replaces
#'   the one before.
#' @param checkpoint_every Make a checkpoint each so many steps, too.
#' @param resume Whether to go on from the checkpoint in `checkpoint_dir`; where there is none yet,
#'   the training begins. The settings, the network, the images, and what computes (versions of
#'   pycifar, Keras, its backend and NumPy, threads, the processor's instructions) must be the same,
#'   and the weights will be, bit for bit, those of a training that was never cut off, but for one
#'   with a time budget; what callbacks have gathered is theirs to keep.
#' @param seed Fixes weights, order, dropout and augmentation; a whole number from 0 to 2^31 - 1.
#'   `NULL` draws one, which the model's `config` tells.
#' @param verbose 0 or `FALSE` is silent; 1 or `TRUE` shows a progress bar on a terminal, and
#'   elsewhere a message an epoch; 2 shows the messages everywhere. The option `pycifar.verbose`
#'   says what it is unless given; without that it is 1, and 0 in the tests of testthat.
#'
#' @return An object of class [cifar_trained_model].
#' @section Errors:
#' `pycifar_error_argument`, `pycifar_error_data`, `pycifar_error_divergence` where the loss is
#' no finite number any more, `pycifar_error_callback` where a function of yours fails; the last two
#' keep the model so far, as field `model`; `pycifar_error_checkpoint` where a checkpoint cannot be
#' made, which keeps the model, too, or where the one in `checkpoint_dir` is damaged, of another
#' training, in use, or there although `resume` is `FALSE`; see [pycifar_conditions].
#' @family models
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' model <- cifar_train(dataset, "cnn2", epochs = 1, seed = 1, verbose = 2)
#' model
#'
#' # Stop when the training accuracy is above one half.
#' enough <- list(on_epoch_end = function(epoch, logs) logs$accuracy < 0.5)
#' model <- cifar_train(dataset, "cnn2", epochs = 2, callbacks = enough, seed = 1, verbose = 0)
#'
#' # Stop after an epoch that did not lower the validation loss, and keep the best weights.
#' model <- cifar_train(
#'   dataset, "cnn2",
#'   epochs = 3, early_stopping = 1, best_weights = TRUE, seed = 1, verbose = 0
#' )
#'
#' # Where R is killed on the way, the same call goes on from the last epoch that was finished.
#' model <- cifar_train(
#'   dataset, "cnn2",
#'   epochs = 2, checkpoint_dir = file.path(tempdir(), "checkpoints"), resume = TRUE, seed = 1
#' )
cifar_train <- function(
  dataset,
  architecture = NULL,
  epochs = NULL,
  batch_size = NULL,
  optimizer = NULL,
  learning_rate = NULL,
  schedule = NULL,
  weight_decay = NULL,
  momentum = NULL,
  label_smoothing = NULL,
  class_weights = NULL,
  precision = "auto",
  augmentation = NULL,
  validation = "auto",
  early_stopping = NULL,
  best_weights = FALSE,
  callbacks = NULL,
  time_budget = NULL,
  checkpoint_dir = NULL,
  checkpoint_every = NULL,
  resume = FALSE,
  seed = NULL,
  verbose = verbosity()
) {
  check_given("dataset")
  handle <- dataset_to_python(dataset)
  free_models()
  progress <- new_progress()
  on.exit(progress$close())
  trained <- rlang::inject(python_call(
    "train",
    handle,
    architecture_to_python(architecture),
    !!!settings_to_python(environment()),
    callbacks = callbacks_to_python(callbacks),
    verbose = one_value(verbose, "verbose", "0, 1, 2, TRUE or FALSE"),
    write_line = progress$write_line,
    update_bar = progress$update_bar
  ))
  new_trained_model(trained)
}

# A data set, or a model that goes on with its own.
dataset_to_python <- function(dataset, call = rlang::caller_env()) {
  if (inherits(dataset, "cifar_trained_model")) {
    return(live_handle(dataset, "dataset", "cifar_trained_model", call))
  }
  live_handle(dataset, "dataset", "cifar_dataset", call)
}

# What a function of R is called with, by name; Python refuses other names.
callback_arguments <- list(
  on_train_begin = "logs",
  on_train_end = "logs",
  on_epoch_begin = c("epoch", "logs"),
  on_epoch_end = c("epoch", "logs"),
  on_train_batch_end = c("batch", "logs")
)

# Functions by name, Keras callbacks, or an unnamed list of these.
callbacks_to_python <- function(callbacks, call = rlang::caller_env()) {
  if (is.null(callbacks) || is_python_object(callbacks)) {
    return(callbacks)
  }
  if (!is.list(callbacks) || is.object(callbacks)) {
    allowed <- "a list such as list(on_epoch_end = function(epoch, logs) NULL)"
    abort_argument("callbacks", allowed, callbacks, call)
  }
  if (is.null(names(callbacks))) {
    return(lapply(callbacks, callbacks_to_python, call = call))
  }
  check_names_differ(callbacks, "callbacks", call)
  for (name in intersect(names(callbacks), names(callback_arguments))) {
    check_takes(callbacks[[name]], name, callback_arguments[[name]], call)
  }
  lapply(callbacks, function_to_python)
}

# Only whether the result is FALSE crosses back: some results of R cannot cross.
function_to_python <- function(f) {
  if (!is.function(f) || is_python_object(f)) {
    return(f)
  }
  callable_from_python(function(...) if (isFALSE(f(...))) FALSE)
}
