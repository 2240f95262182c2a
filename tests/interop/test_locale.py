"""In a session without a UTF-8 locale, as in a cron job, names are those on the disk."""

import shutil
import subprocess

import numpy as np
from children import TIMEOUT, environment
from PIL import Image

import pycifar

IN_R = """
library(pycifar)
dataset <- cifar_load_dataset("folder", data_dir = "obst")
model <- cifar_train(dataset, "softmax", epochs = 1, seed = 1, verbose = 0)
stopifnot(identical(enc2utf8(dataset$class_names), c("Birnen", "\\u00c4pfel")))
cifar_save_model(model, "\\u00c4.keras")
found <- predict(model, c("obst/test/\\u00c4pfel/bild0\\u00df.png", "obst/test/Birnen/*.png"))
stopifnot(length(found) == 7L, identical(levels(found), dataset$class_names))
message <- tryCatch(cifar_load_model("\\u00d6.keras"), error = conditionMessage)
stopifnot(grepl("\\u00d6.keras", enc2utf8(message), fixed = TRUE))

# Names as R's own functions spell them here, and names of arguments.
disk <- list.files("obst/test", full.names = TRUE, recursive = TRUE)
labels <- basename(dirname(disk))
stopifnot(identical(as.character(predict(model, disk)), as.character(predict(model, dataset))))
options(warn = 2)
table <- data.frame(path = disk, label = labels, split = rep(c("train", "test"), 6L))
listed <- cifar_load_dataset(table)
write.csv(table, "table.csv", row.names = FALSE)
for (these in list(listed, cifar_load_dataset("table.csv"))) {
  stopifnot(identical(these$class_names, dataset$class_names))
}
arrays <- list(train = list(array(0:255, c(12, 8, 8, 3)), labels))
stopifnot(identical(cifar_load_dataset(arrays)$class_names, dataset$class_names))
paths <- generics::augment(model, dataset)$path
stopifnot(all(file.exists(paths)), setequal(basename(paths), basename(disk)))
stopifnot(all(file.exists(as.data.frame(dataset)$path)))
weights <- stats::setNames(c(2, 3), dataset$class_names)
weighted <- cifar_train(
  dataset, "softmax", epochs = 1, class_weights = weights, seed = 1, verbose = 0
)
stopifnot(weighted$config$class_weights[[2L]] == 3)
moved <- cifar_load_dataset("folder", data_dir = file.path(getwd(), "\\u00fcber/\\u00d6bst"))
saveRDS(cifar_load_dataset("folder", data_dir = "\\u00fcber/\\u00d6bst"), "data.rds")
stopifnot(identical(moved$class_names, dataset$class_names))
"""

LATER = """
library(pycifar)
file <- normalizePath("data.rds")
setwd(tempdir())
stopifnot(length(cifar_labels(readRDS(file))) == 12L)
"""


def test_names_that_are_not_ascii_are_right_in_the_c_locale(tmp_path):
    draws = np.random.default_rng(1)
    for split in ("train", "test"):
        for name in ("Äpfel", "Birnen"):
            folder = tmp_path / "obst" / split / name
            folder.mkdir(parents=True)
            for number in range(6):
                pixels = draws.integers(0, 256, (32, 32, 3), np.uint8)
                Image.fromarray(pixels).save(folder / f"bild{number}ß.png")
    shutil.copytree(tmp_path / "obst", tmp_path / "über" / "Öbst")
    for script in (IN_R, LATER):
        subprocess.run(
            ["Rscript", "-e", script],
            check=True,
            cwd=tmp_path,
            env=environment(LC_ALL="C", LANG=""),
            timeout=TIMEOUT,
        )
    model = pycifar.load_model(tmp_path / "Ä.keras")
    assert model.class_names == ("Birnen", "Äpfel")
    assert model.data["name"] == "obst"
