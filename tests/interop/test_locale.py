"""In a session without a UTF-8 locale, as in a cron job, names are those on the disk."""

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
    subprocess.run(
        ["Rscript", "-e", IN_R],
        check=True,
        cwd=tmp_path,
        env=environment(LC_ALL="C", LANG=""),
        timeout=TIMEOUT,
    )
    model = pycifar.load_model(tmp_path / "Ä.keras")
    assert model.class_names == ("Birnen", "Äpfel")
    assert model.data["name"] == "obst"
