"""What does it cost to predict from R? 10,000 images, and one, beside Python.

    python benchmarks/from_r.py --output benchmarks/results/from_r.json

An R process loads a model of cnn2 and the test images of CIFAR-10 as an array of R. It predicts
their probabilities. Python, in the same process, predicts those of its own array with the same
model. They take turns, after a turn that does not count. For one image, the seconds are medians
over many calls. Needs the environment that `make setup` leaves (`. ./env.sh`).
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from statistics import median

from script import command_line, write_report

import pycifar

IN_R = """
library(pycifar)
dataset <- cifar_load_dataset("cifar10", n_train = 100)
model <- cifar_load_model("{path}")
images <- cifar_images(dataset, 1:10000)
one <- images[1, , , ]
python <- reticulate::py_run_string("
import time
import numpy as np
import pycifar
def timed(model, dataset, n):
    images = np.ascontiguousarray(dataset.split('test').images)[:n]
    started = time.perf_counter()
    pycifar.predict(model, images if n > 1 else images[0], type='prob')
    return time.perf_counter() - started
")
in_r <- function(images) system.time(predict(model, images, type = "prob"))[["elapsed"]]
in_python <- function(n) python$timed(model$handle, dataset$handle, n)
in_r(images)
in_python(10000L)
many <- replicate({repeats}, c(r = in_r(images), python = in_python(10000L)))
for (i in 1:20) predict(model, one)
precise <- function(code) {{
  started <- as.numeric(Sys.time())
  force(code)
  as.numeric(Sys.time()) - started
}}
single <- replicate({calls}, c(r = precise(predict(model, one)), python = in_python(1L)))
cat(jsonlite::toJSON(list(
  many_r = many["r", ], many_python = many["python", ],
  one_r = single["r", ], one_python = single["python", ]
), digits = NA))
"""
CALLS = 200  # of one image


def main() -> None:
    """Measure and write the report."""
    arguments = command_line(__doc__, repeats=5).parse_args()
    few = pycifar.load_dataset("cifar10", n_train=500)
    model = pycifar.train(few, "cnn2", epochs=1, seed=1, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        path = pycifar.save_model(model, Path(folder, "model.keras"))
        code = IN_R.format(path=path, repeats=arguments.repeats, calls=CALLS)
        done = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    ratios = [r / p for r, p in zip(found["many_r"], found["many_python"], strict=True)]
    report = {
        "seconds_in_r": [round(s, 3) for s in found["many_r"]],
        "seconds_in_python": [round(s, 3) for s in found["many_python"]],
        "ratio": round(median(ratios), 3),
        "one_image_ms_in_r": round(1000 * median(found["one_r"]), 2),
        "one_image_ms_in_python": round(1000 * median(found["one_python"]), 2),
    }
    print(report)
    write_report(arguments.output, **report)


if __name__ == "__main__":
    main()
