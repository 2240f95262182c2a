#' Train an image classifier
#'
#' An argument that is `NULL` takes its value from the recipe of the architecture; see
#' [cifar_list_architectures()]. An optimizer other than the recipe's takes its own default learning
#' rate, weight decay and momentum.
#'
#' @section Reproducibility:
#' The same data, settings and seed give the same weights, bit for bit, in R, in Python and on the
#' command line. This holds on one machine, with one version of the backend and one number of
#' threads. It does not hold with `time_budget`. Compare weights with [cifar_fingerprint()].
#'
#' @section Stopping early:
#' An interrupt (Ctrl-C or the stop button) ends the training early. The function then returns the
#' model as trained so far, with its history. The field `interrupted` is `TRUE`, and there is a
#' warning of class `pycifar_warning_interrupted`. The code after the call goes on, such as a loop
#' over seeds. If another training is interrupted less than 10 seconds after that, there is no
#' model, and the interrupt ends the loop, as R's interrupts do.
#'
#' The signals SIGTERM and SIGHUP end the R process after the current step. Schedulers, containers
#' and closed terminals send them. If `checkpoint_dir` is given, a checkpoint is written first.
#'
#' @section Continuing a trained model:
#' `cifar_train(model, epochs = 5)` continues on the data set that the model was trained on.
#' `cifar_train(dataset, model, epochs = 5)` continues on that data set or on another with the same
#' classes. Both return a new model and leave the given one unchanged.
#'
#' The state of the optimizer, the order of the images and the epoch numbers continue. The settings
#' continue unless you give others. A schedule other than `"constant"` starts again and spans the
#' further epochs. `validation`, `precision` and `seed` cannot be changed. Where a callback left the
#' learning rate at 0, give `learning_rate`.
#'
#' @param dataset A data set from [cifar_load_dataset()]. Or a trained model, to continue it on the
#'   data set that it was trained on, which must still be loaded.
#' @param architecture The network to train. One of
#'   * a name from [cifar_list_architectures()].
#'   * a function with the arguments `input_shape` (an integer vector of height, width and 3) and
#'     `n_classes`, which returns a Keras model. Of a model or layers that it does not build
#'     itself, copies are trained.
#'   * a model from [cifar_build_model()] or a Keras model, such as one from the package keras3. A
#'     copy of it is trained. One for images of any size gets the size of the data set. A Keras
#'     model of your own must end with a softmax, with logits, or, for two classes, with one unit, a
#'     sigmoid or a logit. The trained model always gives probabilities. With a loss other than the
#'     cross-entropy it may end with logits only if the loss has `from_logits`. The optimizer, loss
#'     and metrics that it was compiled with are used, unless you give others. It must be compiled
#'     without weights of the loss.
#'   * a trained model, to continue it.
#'   * `NULL`, which means `"cnn2"`. It must be `NULL` if `dataset` is a trained model.
#' @param epochs The number of passes over the training images, at least 1. For a trained model, the
#'   number of further passes.
#' @param batch_size The number of images in a step, from 1 to the number of training images.
#' @param optimizer `"sgd"`, `"adam"`, `"adamw"`, `"rmsprop"` or `"muon"`. Or a Keras
#'   optimizer that has not been used before. `learning_rate`, `schedule`, `weight_decay` and
#'   `momentum` must then be `NULL`, because the optimizer brings its own.
#' @param learning_rate The learning rate at the start, above 0. For the schedule `"one_cycle"`, the
#'   highest learning rate.
#' @param schedule How the learning rate changes during the training:
#'   * `"constant"`: it does not change.
#'   * `"cosine"`: down to 0 along half a cosine.
#'   * `"step"`: divided by 10 after one half and again after three quarters of the steps.
#'   * `"exponential"`: exponentially down to 1% of `learning_rate`.
#'   * `"one_cycle"`: linearly up over the first quarter of the steps, then down to 0 along half a
#'     cosine.
#'   * `"inverse_sqrt"`: divided by the square root of 1 + steps / 100, and down to 0 along half a
#'     cosine. The same `learning_rate` suits short and long trainings.
#'   * `"averaging"`: like `"inverse_sqrt"`, but down to one ninth of `learning_rate` in the first
#'     two fifths of the steps, and constant from then on. The weights are averaged over this last
#'     part (Izmailov et al. 2018), and the model gets the mean. The validation measures this mean,
#'     and a training that ends early returns the mean up to then. A training with fewer than 12
#'     passes over the training images uses `"inverse_sqrt"` instead, and the model's `config` says
#'     so.
#' @param weight_decay At least 0. Each step subtracts the product of the learning rate,
#'   `weight_decay` and the weight from each weight. Biases and the parameters of batch
#'   normalisation are excluded (Loshchilov and Hutter 2019).
#' @param momentum The momentum of `"sgd"` (0.9 unless given) and `"muon"` (0.6), from 0 to below
#'   1. It must be `NULL` for other optimizers.
#' @param label_smoothing The share of the target probability that is spread evenly over all
#'   classes, from 0 to below 1. It must be 0 for a network in NumPy. The losses in the history
#'   include it.
#' @param class_weights The weight of each class in the training loss. One of
#'   * numbers of at least 0, named by class, such as `c(cat = 2, dog = 1.5)`. A class that is not
#'     named has the weight 1.
#'   * `"balanced"`: weights inversely proportional to the number of images in the class.
#'   * `NULL`: the same weight for all classes. It must be `NULL` for a network in NumPy.
#' @param precision The number format of the computation. One of
#'   * `"float32"`.
#'   * `"bfloat16"`, which the machine must support. Weights, losses and updates stay float32.
#'   * `"auto"`: bfloat16 for `"cnn2"`, `"cnn4"`, `"fastnet"` and `"resnet50_v2"` if the machine
#'     supports it, otherwise float32.
#'
#'   Networks in NumPy always use float32. A model that you give keeps its own precision.
#' @param augmentation Random changes to the training images, drawn for each image independently.
#'   `"none"`, or one or more of the names below. Or a named list with values, such as
#'   `list(flip = TRUE, crop = 0.5)`, where `TRUE` is the value that the name alone means. They are
#'   applied in this order:
#'   * `flip`: `TRUE` mirrors each image left to right with probability 1/2. `"alternating"` mirrors
#'     each image in every other epoch.
#'   * `shift`: moves each image by up to this number of pixels in each direction. The name alone
#'     means 4.
#'   * `crop`: keeps a part of each image, resized to the whole. It has from this share of the area,
#'     at least 0 and below 1, to all of it. Its width changes against its height by a factor from
#'     3/4 to 4/3. The name alone means 0.35.
#'   * `brightness`: multiplies the values of each image by a factor from 1 less this number to 1
#'     more, from 0 to 1. `contrast` multiplies the distance from the mean grey of the image, and
#'     `saturation` that from the grey of each pixel. The name alone means 0.2.
#'   * `hue`: turns the colours around the colour circle in both directions, by up to this share of
#'     it, from 0 to 0.5. The grey of each pixel stays. The name alone means 0.02.
#'   * `cutout`: makes a square with sides of this number of pixels black. The name alone means 8.
#'
#'   `"colour"` stands for `brightness`, `contrast`, `saturation` and `hue`, as in
#'   `list(flip = TRUE, colour = TRUE, hue = 0)`. Leave `hue` out if classes differ in colour alone.
#'
#'   The recipe of `"fastnet"` includes `flip`. With `flip`, this network treats an image and its
#'   mirror image as the same. Leave `flip` out if one class is the mirror image of another.
#' @param validation The images to measure the model on after each epoch. One of
#'   * a number above 0 and below 1: this share of the training split is held out. It is drawn with
#'     the seed and balanced over the classes. Groups of the data set stay together. A warning of
#'     class `pycifar_warning_data` tells of classes that are held out as a whole.
#'   * the name of a split, such as `"test"`.
#'   * `NULL`: no validation.
#'   * `"auto"`: the split `"validation"`, if the data set has one, or else 0.1. For a trained
#'     model, what it was validated on before.
#' @param early_stopping Stop after this number of epochs without a lower validation loss, at
#'   least 1. Without validation, the training loss counts. `NULL` does not stop early. `monitor`
#'   names another metric.
#' @param best_weights Whether to return the weights of the epoch with the lowest validation loss
#'   (training loss without validation), or with the best value of `monitor`, instead of the last
#'   ones.
#' @param callbacks Functions to call during the training, as a named list. Allowed are
#'   `on_train_begin(logs)`, `on_train_end(logs)`, `on_epoch_begin(epoch, logs)`,
#'   `on_epoch_end(epoch, logs)` and `on_train_batch_end(batch, logs)`. Epochs and batches count
#'   from 1, and `logs` is a named list of numbers, a copy. A function that returns `FALSE` stops
#'   the training after the current epoch or batch. Keras callbacks may be among them, without
#'   names. Or a Keras callback, or an unnamed list of Keras callbacks and such named lists.
#' @param time_budget The number of seconds that the whole call may take, above 0. Give it instead
#'   of `epochs`. The training does as many steps as fit into this time, and the schedule spans
#'   them. The number of steps depends on the machine; the model's `config` holds it as `passes`,
#'   the number of passes over the training images. Importing Keras counts, if it was not imported
#'   before. Starting Python does not count. There is a warning of class
#'   `pycifar_warning_time_budget` if the time is too short for one pass, or for what follows the
#'   frozen epochs: all layers begin to learn only where there is time to compile that, for one step
#'   and for the validation, estimated by what computing features took.
#' @param checkpoint_dir A folder for the checkpoint of this training. It is created if it does not
#'   exist. A checkpoint is written after each epoch and replaces the one before. It holds all that
#'   is needed to resume a training that was cut off, even by a loss of power.
#' @param checkpoint_every The number of steps after which to write a further checkpoint, at
#'   least 1. `NULL` writes checkpoints only after epochs.
#' @param resume Whether to continue from the checkpoint in `checkpoint_dir`. If there is none, the
#'   training starts from the beginning. The settings, the network and the images must be the same
#'   as before. So must be the versions of pycifar, Keras, its backend and NumPy, the devices, the
#'   number of threads and the instruction sets of the processor. The weights are then those of a
#'   training that was not cut off, bit for bit, except with `time_budget`. The state of callbacks
#'   is not saved.
#' @param seed A whole number from 0 to 2^31 - 1. It determines the initial weights, the order of
#'   the images, dropout and augmentation. `NULL` draws a seed; the model's `config` holds it.
#' @param loss What the training lowers. `NULL` means `"crossentropy"`. One of
#'   * `"crossentropy"`, `"categorical_focal_crossentropy"`, `"binary_crossentropy"`,
#'     `"binary_focal_crossentropy"`, `"kl_divergence"`, `"mean_squared_error"`,
#'     `"mean_absolute_error"`, `"huber"`, `"log_cosh"`, `"poisson"`, `"hinge"`, `"squared_hinge"`,
#'     `"categorical_hinge"` or `"cosine_similarity"`.
#'   * a Keras loss that takes one-hot labels and probabilities.
#'   * a function with the arguments `y_true` (one-hot labels) and `y_pred` (probabilities), both
#'     tensors of shape (n, classes), which returns a tensor with the loss of each image. For a
#'     network with one unit for two classes, the shape is (n, 1), of the second class.
#'
#'   It must be `NULL` for a network in NumPy.
#' @param metrics What to measure besides the loss and the accuracy. One or more of `"top_5"` (the
#'   share of images whose true class is among the five most probable ones), `"f1"` (the mean over
#'   the classes), `"auc"` (the mean over the classes, each against the rest), `"precision"` and
#'   `"recall"` (of probabilities above 1/2), `"crossentropy"` and `"mean_squared_error"`. Or a list
#'   of such names, Keras metrics and named functions as for `loss`. They are in the history, in
#'   the `logs` of callbacks, and in the result of [cifar_evaluate()]. For a network with one unit
#'   for two classes, metrics take the second class alone.
#' @param sample_weight The weight of each training image in the loss, at least 0: one number per
#'   image of the training split, in its order. It multiplies the weight of the class. `NULL` takes
#'   the weights of the data set, such as the column `weight` of a table; without them, all images
#'   have the same weight.
#' @param monitor The metric that `early_stopping` and `best_weights` go by, such as `"accuracy"` or
#'   a name of `metrics`. `NULL` means the loss. It is that of the validation, if there is one.
#' @param weights The weights to begin with, as for [cifar_build_model()]: `"imagenet"`, `"cifar10"`
#'   or the path of a file. The last layer is always new here, as the classes are others. A warning
#'   (`pycifar_warning_data`) says where images are far smaller than those that it knows. The recipe
#'   is that for networks that have learned already. `NULL` draws all weights, and is the only value
#'   for a network in NumPy and for a network of your own, which brings its weights.
#' @param frozen_epochs The number of epochs, from the first on, that train the last layer with
#'   weights alone; at most `epochs`. Where images are not augmented, what the other layers compute
#'   of them is computed only once. `NULL` means 0, or the number of the recipe where there are
#'   `weights`, and at least one epoch less than `epochs` where that is possible. It is for a
#'   network of your own as well, where all goes through one last layer with weights. What stands
#'   beside that layer, on the same values, learns with it. What stands before it does not, even if
#'   it is new: where several layers are new, set `trainable` of the others to `FALSE`, train
#'   without frozen epochs, set it to `TRUE` in the model's Keras network, and go on at a low
#'   `learning_rate`. `optimizer` must be a name where epochs are frozen, and `schedule` not
#'   `"averaging"`.
#' @param fine_tune_rate The learning rate, as for `learning_rate`, of the epochs after the frozen
#'   ones, in which all layers learn. The schedule begins anew with them, and so does the optimizer.
#'   `NULL` means the rate of the recipe where there are `weights`, or a tenth of `learning_rate`. A
#'   model goes on with this rate.
#' @param verbose What to show of the progress. 0 or `FALSE`: nothing. 1 or `TRUE`: a progress bar
#'   on a terminal, and a message after each epoch elsewhere. 2: a message after each epoch
#'   everywhere. The default is the option `pycifar.verbose`. If that is not set, it is 1, but 0 in
#'   tests run by testthat.
#' @param ... Not used. An argument of another name is an error, which names the right one.
#'
#' @return An object of class [cifar_trained_model].
#' @section Errors:
#' * `pycifar_error_argument`: an argument is not as described above.
#' * `pycifar_error_data`: the images cannot be used for this training.
#' * `pycifar_error_divergence`: the loss is no longer a finite number. The condition's field
#'   `model` holds the model as trained so far.
#' * `pycifar_error_objective`: `loss` or one of `metrics` cannot be computed.
#' * `pycifar_error_callback`: a function that you gave failed. The field `model` holds the model as
#'   trained so far.
#' * `pycifar_error_checkpoint`: a checkpoint cannot be written; the field `model` holds the model
#'   as trained so far. Or the checkpoint in `checkpoint_dir` is damaged, is in use, belongs to
#'   another training, or is there although `resume` is `FALSE`.
#' * `pycifar_error_output`: `checkpoint_dir` cannot be created or written to.
#' * `pycifar_error_weights`: the weights are not on this machine, or are others than they should
#'   be.
#'
#' See [pycifar_conditions].
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
#' # If R is killed during the training, the same call continues after the last finished epoch.
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
  loss = NULL,
  metrics = NULL,
  sample_weight = NULL,
  monitor = NULL,
  weights = NULL,
  frozen_epochs = NULL,
  fine_tune_rate = NULL,
  verbose = verbosity(),
  ...
) {
  check_no_more("cifar_train", ...)
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

# Return the handle of a data set, or of a trained model that continues on its own data set.
dataset_to_python <- function(dataset, call = rlang::caller_env()) {
  if (inherits(dataset, "cifar_trained_model")) {
    return(live_handle(dataset, "dataset", "cifar_trained_model", call))
  }
  live_handle(dataset, "dataset", "cifar_dataset", call)
}

# The arguments of each callback, by the name of the callback. Python raises an error for other
# names.
callback_arguments <- list(
  on_train_begin = "logs",
  on_train_end = "logs",
  on_epoch_begin = c("epoch", "logs"),
  on_epoch_end = c("epoch", "logs"),
  on_train_batch_end = c("batch", "logs")
)

# Return callbacks in the form that Python takes. `callbacks` is a named list of functions, a Keras
# callback, or an unnamed list of these.
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
  unnamed <- !nzchar(names(callbacks))
  if (any(unnamed)) {
    items <- c(unname(callbacks[unnamed]), if (!all(unnamed)) list(callbacks[!unnamed]))
    return(lapply(items, callbacks_to_python, call = call))
  }
  check_names_differ(callbacks, "callbacks", call)
  for (name in intersect(names(callbacks), names(callback_arguments))) {
    check_takes(callbacks[[name]], name, callback_arguments[[name]], call)
  }
  lapply(callbacks, function_to_python)
}

# Wrap an R function for Python. It returns only FALSE or NULL, because reticulate cannot convert
# every R value.
function_to_python <- function(f) {
  if (!is.function(f) || is_python_object(f)) {
    return(f)
  }
  callable_from_python(function(...) if (isFALSE(f(...))) FALSE)
}
