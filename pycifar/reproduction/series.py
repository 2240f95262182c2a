"""A series of trainings, each saved to the file as soon as it is finished."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pycifar.datasets import Dataset
from pycifar.errors import InterruptedWarning, warn, warnings_collected
from pycifar.files import write_atomically
from pycifar.models.trained_model import TrainedModel
from pycifar.processor import find_processor
from pycifar.reproduction.plan import PRECISION, Planned
from pycifar.reproduction.progress import Progress
from pycifar.reproduction.result import FORMAT, Reproduction


class Series:
    """A series of trainings, each saved to the file as soon as it is finished.

    Args:
        dataset: the data set to train on.
        records: the records of finished trainings.
        calls: the calls that made the records, the present one last.
        target: the file to save to, or None.
        progress: shows the progress.
    """

    def __init__(
        self,
        dataset: Dataset,
        records: list[dict[str, Any]],
        calls: list[str],
        target: Path | None,
        progress: Progress,
    ) -> None:
        self.dataset = dataset
        self.records = records
        self.calls = calls
        self.target = target
        self.progress = progress

    def run(self, trainings: list[tuple[Planned, int]]) -> Reproduction:
        """Run the trainings that have no record yet; return the result with all records."""
        todo = [
            (planned, seed)
            for planned, seed in trainings
            if not any(self._is_done(planned, record, seed) for record in self.records)
        ]
        if not todo:
            # The present call added no record, so it is left out.
            return Reproduction(tuple(self.records), tuple(self.calls[:-1]))
        self.progress.begin([planned.work() for planned, _ in todo])
        try:
            for planned, seed in todo:
                record = self._train(planned, seed)
                if record is None:
                    return self._interrupted()
                self._keep(record)
                name = f"{record['architecture']}, {planned.budget}, seed {seed}"
                self.progress.finished(name, record["test_accuracy"], record["seconds"])
        except KeyboardInterrupt:  # between two trainings; during one, `train` returns
            return self._interrupted()
        finally:
            self.progress.end()
        return Reproduction(tuple(self.records), tuple(self.calls))

    def _is_done(self, planned: Planned, record: dict[str, Any], seed: int) -> bool:
        return planned.is_done_by(record, seed, len(self.dataset.split("train")))

    def _train(self, planned: Planned, seed: int) -> dict[str, Any] | None:
        """Train a network, and return its record; None if the training was interrupted."""
        from pycifar.training.train import train

        with warnings_collected():  # not shown: `_interrupted` warns, and the record has the rest
            model = train(
                self.dataset,
                planned.case.architecture,
                epochs=planned.epochs,
                time_budget=planned.time_budget,
                precision=PRECISION,
                validation="test",
                seed=seed,
                callbacks=self.progress.callback(f"{planned.case.architecture}, seed {seed}"),
                verbose=0,
            )
        return None if model.interrupted else _record(model, planned, self.dataset)

    def _keep(self, record: dict[str, Any]) -> None:
        key = ("architecture", "budget", "seed")
        self.records = [r for r in self.records if any(r[name] != record[name] for name in key)]
        self.records.append(record)
        if self.target is not None:
            text = as_text(self.calls, self.records)
            write_atomically(self.target, lambda temporary: temporary.write_text(text, "utf-8"))

    def _interrupted(self) -> Reproduction:
        warn(
            InterruptedWarning(
                "The reproduction was interrupted; what was finished until then is kept."
            )
        )
        return Reproduction(tuple(self.records), tuple(self.calls), interrupted=True)


def as_text(calls: list[str], records: list[dict[str, Any]]) -> str:
    """Return the content of the file: JSON, with one line per training."""
    head = json.dumps({"format": FORMAT, "calls": calls}, ensure_ascii=False)[:-1]
    lines = ",\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    return f'{head}, "runs": [\n{lines}\n]}}\n'


def _record(model: TrainedModel, planned: Planned, dataset: Dataset) -> dict[str, Any]:
    seconds = sum(model.seconds)
    passes = model.config.passes or model.epochs_done
    processor = find_processor()
    return {
        "system": planned.case.system,
        "architecture": planned.case.architecture,
        "parameters": model.network.count_params(),
        "budget": planned.budget,
        "epochs": model.epochs_done,
        "seed": model.config.seed,
        "train_loss": model.final("train", "loss"),
        "train_accuracy": model.final("train", "accuracy"),
        "test_loss": model.final("validation", "loss"),
        "test_accuracy": model.final("validation", "accuracy"),
        "seconds": round(seconds, 2),
        "images_per_second": round(len(dataset.split("train")) * passes / seconds),
        "weights": model.fingerprint(),
        "data_name": dataset.name,
        "data": model.data["fingerprint"],
        "machine": f"{processor.name}, {processor.cores} cores",
        "config": model.config.to_dict(),
        "versions": model.versions,
        "history": model.history.to_numpy().tolist(),
    }
