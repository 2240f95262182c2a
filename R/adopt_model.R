#' Adopt a Keras model that pycifar did not train
#'
#' Makes a trained model of a Keras model from elsewhere. The model can then be used like one from
#' [cifar_train()]: for predictions, evaluations and explanations, to be saved, and to go on with
#' [cifar_train()].
#'
#' @details
#' An adopted model has no record of its training: its history is empty, and its `data` say
#' `"adopted"`. Its `config` has the settings with which it would go on. These are its own
#' optimizer, with its state, if the model was compiled, and else those of an architecture of yours
#' in [cifar_train()]. The seed and the validation are then yours to choose.
#'
#' A file is checked like one that [cifar_load_model()] opens: it may come from an untrusted source.
#' In addition, the network is run on two images, to see whether it gives probabilities.
#'
#' @param model The path of a `.keras` file, such as Keras's `ModelCheckpoint` writes; or a Keras
#'   model, such as one made with the package keras3, of which a copy is taken. It must be a
#'   sequential or functional model that takes images with 3 channels, shape
#'   (n, height, width, 3), and gives a probability for each class. As for [cifar_train()], it may
#'   give logits, which its loss then takes, or one unit for two classes.
#' @param class_names One name per class, in the order of the model's outputs. No file holds them,
#'   and names in another order give predictions of the wrong classes. Functions of Keras that read
#'   folders, such as `image_dataset_from_directory()`, sort the names of the folders.
#'   [cifar_evaluate()] on images with known classes shows whether they are right.
#' @param rescale What the model expects in place of pixels from 0 to 255. A number to multiply them
#'   by, such as `1 / 255` for a model that takes values from 0 to 1; or two numbers, a factor and
#'   what is then added, such as `c(1 / 127.5, -1)` for values from -1 to 1. The network gets
#'   layers in front that do so, which its files keep. Like the networks of pycifar, it then takes
#'   images divided by 255 as well, see `model$keras_model` in [cifar_trained_model]. `1` stands for
#'   pixels as they are. `NULL` stands for 1, and is allowed only if the network shows that it takes
#'   such pixels: it has a layer Rescaling itself, or an input of uint8. For another preparation of
#'   the pixels, build it into the network, and give `1`.
#' @param image_size For a model that takes images of any size, the size in pixels that the adopted
#'   one takes: one number for height and width, or `c(height, width)`. `NULL` for a model that
#'   takes images of one size.
#' @inheritParams cifar_load_model
#'
#' @return An object of class [cifar_trained_model]. Where layers were frozen or unfrozen since the
#'   optimizer trained it, the optimizer starts anew for what it cannot be matched to, with a
#'   warning of class `pycifar_warning_optimizer`.
#' @section Errors:
#' * `pycifar_error_argument`: an argument is not as described above, or the model does not suit it.
#' * `pycifar_error_model_file`: there is no such file, it is damaged, or it holds what is not safe;
#'   or pycifar wrote it, so that [cifar_load_model()] opens it with its record.
#' @family models
#' @export
#' @examplesIf cifar_available()
#' # Any Keras model; this one was made by pycifar, and takes pixels from 0 to 255.
#' network <- cifar_build_model("lenet5", n_classes = 2, seed = 1)
#' path <- tempfile(fileext = ".keras")
#' network$save(path)
#' cifar_adopt_model(path, c("cat", "dog"))
cifar_adopt_model <- function(
  model,
  class_names,
  rescale = NULL,
  custom_objects = NULL,
  image_size = NULL,
  ...
) {
  check_no_more("cifar_adopt_model", ...)
  check_given(c("model", "class_names"))
  if (is_python_object(model)) {
    if (is_dead(model)) {
      abort_dead("model", "cifar_network", rlang::current_env())
    }
  } else {
    model <- one_value(model, "model", "a path or a Keras model")
  }
  new_trained_model(python_call(
    "adopt_model",
    model,
    several_values(class_names, "class_names", "names without missing values"),
    several_values(rescale, "rescale", "one number or two"),
    custom_objects_to_python(custom_objects),
    size_of_images(image_size)
  ))
}
