"""The five published systems that pycifar reproduces, and the figures that they state."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One network of a system, trained in one way.

    Args:
        system: the letter of the system, or "baseline".
        architecture: the name of the network.
        epochs: how many epochs the source trained it for; None if the source does not say so.
        stated_train: the stated accuracy on the training images, 0-1, or None.
        stated_test: the stated accuracy on held-out images, 0-1, or None.
        note: what else the source says, or which choice was made here.
    """

    system: str
    architecture: str
    epochs: int | None = None
    stated_train: float | None = None
    stated_test: float | None = None
    note: str = ""


CASES = (
    Case("baseline", "softmax", note="system D names it as its base method, without a figure"),
    Case("A", "mlp_sigmoid", note="no figure is stated; grey and crop to 28×28 are chosen here"),
    Case("B", "cnn2", 10, 0.7625, 0.6804, "optimizer and batch size are not stated"),
    Case("B", "cnn2", 25, note="accuracy is said to rise further, without a figure"),
    Case(
        "C",
        "mlp_relu",
        None,
        0.724,
        0.701,
        "before its settings were tuned: 0.585 on training, 0.552 on held-out images",
    ),
    Case("D", "cnn4", note="a plot without figures; filters and rates are chosen here"),
    *(Case("E", name) for name in ("lenet5", "alexnet", "zfnet", "vgg16", "googlenet")),
    Case("E", "resnet20", note="its paper reaches 0.9125 after 164 epochs on the lossless images"),
)

SYSTEMS = tuple(dict.fromkeys(case.system for case in CASES))
