"""Long lives: a process that trains, predicts, saves and loads again and again must not grow."""

from __future__ import annotations

import subprocess
import sys
import tempfile

SETTLED = 10  # cycles after which it must not grow any more
MOST = 0.05  # of the memory that it has then

IN_PYTHON = """
import sys, pycifar
from pathlib import Path
def resident():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=50)
for cycle in range(int(sys.argv[1])):
    model = pycifar.train(dataset, "cnn2", epochs=1, seed=cycle, verbose=0)
    pycifar.predict(model, dataset.split("test").images)
    pycifar.load_model(pycifar.save_model(model, "model.keras", overwrite=True))
    print(resident(), flush=True)
"""

IN_R = """
library(pycifar)
resident <- function() {
  status <- readLines("/proc/self/status")
  as.integer(gsub("[^0-9]", "", grep("^VmRSS", status, value = TRUE)))
}
dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 50)
images <- cifar_images(dataset, 1:50)
for (cycle in seq_len(as.integer(commandArgs(trailingOnly = TRUE)))) {
  model <- cifar_train(dataset, "cnn2", epochs = 1, seed = cycle, verbose = 0)
  predict(model, images)
  cifar_save_model(model, "model.keras", overwrite = TRUE)
  loaded <- cifar_load_model("model.keras")
  cat(resident(), "\\n")
}
"""


def growth(language: str, cycles: int) -> float:
    """Return by what share the memory of a process grows after its first cycles.

    The median of the last ten cycles is compared with that of the first ten after it has settled.

    Args:
        language: "Python" or "R".
        cycles: how many the process runs.
    """
    command = {"Python": [sys.executable, "-c", IN_PYTHON], "R": ["Rscript", "-e", IN_R]}[language]
    with tempfile.TemporaryDirectory(prefix="pycifar-") as folder:
        done = subprocess.run(
            [*command, str(cycles)], cwd=folder, capture_output=True, text=True, check=True
        )
    sizes = [int(line) for line in done.stdout.split()]
    first, last = (sorted(part)[5] for part in (sizes[SETTLED : SETTLED + 10], sizes[-10:]))
    return last / first - 1
