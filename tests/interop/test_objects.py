"""Objects made on one side of a process that holds both languages, and used on the other."""

from __future__ import annotations

MADE_IN_R = """
r('''
dataset <- cifar_load_dataset("synthetic", n_train = 100, n_test = 50)
model <- cifar_train(dataset, "cnn2", epochs = 1, batch_size = 50, seed = 1, verbose = 0)
main <- reticulate::import_main(convert = FALSE)
main$dataset <- dataset$handle
main$model <- model$handle
''')
"""

MADE_IN_PYTHON = """
import pycifar
dataset = pycifar.load_dataset("synthetic", n_train=100, n_test=50)
model = pycifar.train(dataset, "cnn2", epochs=1, batch_size=50, seed=1, verbose=0)
r('''
main <- reticulate::import_main(convert = FALSE)
dataset <- pycifar:::new_dataset(main$dataset)
model <- pycifar:::new_trained_model(main$model)
''')
"""


def test_a_model_trained_in_r_is_the_same_model_in_python(r_in_python):
    found = r_in_python(
        MADE_IN_R
        + """
import pycifar
verdict({
    "types": [type(dataset).__name__, type(model).__name__],
    "fingerprints": [model.fingerprint(), str(r("cifar_fingerprint(model)")[0])],
    "accuracies": [
        pycifar.evaluate(model, dataset).accuracy,
        float(r("cifar_evaluate(model, dataset)$accuracy")[0]),
    ],
})
"""
    )
    assert found["types"] == ["Dataset", "TrainedModel"]
    assert len(set(found["fingerprints"])) == 1
    assert len(set(found["accuracies"])) == 1


def test_a_model_trained_in_python_is_an_s3_object_in_r(r_in_python):
    found = r_in_python(
        MADE_IN_PYTHON
        + """
verdict({
    "classes": list(r("c(class(dataset), class(model))")),
    "same": bool(r("identical(cifar_fingerprint(model), model$fingerprint)")[0]),
    "fingerprints": [model.fingerprint(), str(r("model$fingerprint")[0])],
    "predicted": [
        [model.class_names[k] for k in pycifar.predict(model, dataset.split("test"))],
        list(r("as.character(predict(model, dataset))")),
    ],
    "levels": list(r("levels(predict(model, dataset))")),
    "class_names": list(model.class_names),
})
"""
    )
    assert found["classes"] == ["cifar_dataset", "cifar_trained_model"]
    assert found["same"]
    assert found["fingerprints"][0] == found["fingerprints"][1]
    assert found["predicted"][0] == found["predicted"][1]
    assert found["levels"] == found["class_names"]


def test_a_file_saved_on_either_side_loads_on_the_other(r_in_python):
    found = r_in_python(
        MADE_IN_PYTHON
        + """
pycifar.save_model(model, "from_python.keras")
r('cifar_save_model(model, "from_r.keras")')
verdict([
    model.fingerprint(),
    str(r('cifar_load_model("from_python.keras")$fingerprint')[0]),
    pycifar.load_model("from_r.keras").fingerprint(),
])
"""
    )
    assert len(set(found)) == 1


def test_images_of_r_arrive_in_python_pixel_by_pixel(r_in_python):
    found = r_in_python(
        """
r('''
set.seed(1)
images <- array(sample(0:255, 6 * 32 * 32 * 3, replace = TRUE), c(6, 32, 32, 3))
labels <- factor(c("cat", "dog", "cat", "dog", "cat", "dog"))
dataset <- cifar_load_dataset(list(train = list(images, labels), test = list(images, labels)))
main <- reticulate::import_main(convert = FALSE)
main$dataset <- dataset$handle
''')
import numpy
sent = numpy.array(r("images"))
train = dataset.split("train")
verdict({
    "same": bool((sent == train.images).all()),
    "labels": [dataset.class_names[k] for k in train.labels],
})
"""
    )
    assert found["same"]
    assert found["labels"] == ["cat", "dog"] * 3


def test_a_function_of_r_is_a_callback_in_a_training_of_python(r_in_python):
    found = r_in_python(
        """
r('''
seen <- character()
dataset <- cifar_load_dataset("synthetic", n_train = 100, n_test = 50)
model <- cifar_train(
  dataset, "cnn2", epochs = 5, batch_size = 50, seed = 1, verbose = 0,
  callbacks = list(on_epoch_end = function(epoch, logs) {
    seen <<- c(seen, sprintf("%d %s", epoch, paste(sort(names(logs)), collapse = " ")))
    epoch < 3
  })
)
''')
verdict({"seen": list(r("seen")), "epochs": int(r("model$epochs_done")[0])})
"""
    )
    names = "accuracy loss val_accuracy val_loss"
    assert found["seen"] == [f"{epoch} {names}" for epoch in (1, 2, 3)]
    assert found["epochs"] == 3


def test_a_network_defined_by_a_function_of_r_is_trained(r_in_python):
    found = r_in_python(
        """
r('''
make <- function(input_shape, n_classes) {
  keras <- reticulate::import("keras")
  keras$Sequential(list(
    keras$Input(input_shape, dtype = "uint8"),
    keras$layers$Rescaling(1 / 255),
    keras$layers$Flatten(),
    keras$layers$Dense(as.integer(n_classes), activation = "softmax")
  ))
}
dataset <- cifar_load_dataset("synthetic", n_train = 100, n_test = 50)
model <- cifar_train(dataset, make, epochs = 1, batch_size = 50, seed = 1, verbose = 0)
''')
verdict([str(r("model$architecture")[0]), int(r("model$parameters")[0])])
"""
    )
    assert found == ["custom", 3072 * 10 + 10]


def test_r_code_that_waits_for_keras_is_told_of_it_and_of_no_module_inside_it(rscript):
    done = rscript("""
library(pycifar)
tell <- function(module) {
  setHook(paste0("reticulate::", module, "::load"), function(...) cat("told of", module, "\\n"))
}
invisible(lapply(c("keras", "tensorflow", "keras.layers"), tell))
invisible(cifar_build_model("cnn2"))
""")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split("\n")) == ["", "told of keras ", "told of tensorflow "]
