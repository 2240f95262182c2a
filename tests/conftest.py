"""What holds for all Python tests."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest

TRAINS = "trains, or takes long, which --quick leaves out"
# "fastnet-cifar10" is part of the package, and needs no data.
NAMES_CIFAR10 = re.compile("(?<!fastnet-)cifar10|CIFAR-10|PYCIFAR_DATA_DIR")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="skip each test that trains")


def pytest_configure(config: pytest.Config) -> None:
    for marker in (
        "cifar10: in a file that names CIFAR-10, which may be on this machine or not",
        "trains_in_a_child: a process that the test starts trains",
        "long: takes seconds although it trains nothing",
    ):
        config.addinivalue_line("markers", marker)
    # A shell makes its background jobs ignore Ctrl-C, and their children with them; the tests of
    # interrupts need a process that listens.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    paths = {item.path for item in items}
    named = {path for path in paths if NAMES_CIFAR10.search(path.read_text("utf-8"))}
    for item in items:
        if item.path in named:
            item.add_marker("cifar10")
        if not config.getoption("--quick"):
            continue
        if item.get_closest_marker("trains_in_a_child") or item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(TRAINS))


@pytest.fixture(scope="session", autouse=True)
def quick(request: pytest.FixtureRequest) -> Iterator[None]:
    """With --quick, a test is skipped at the moment in which it would train."""
    if not request.config.getoption("--quick"):
        yield
        return
    from pycifar.training import lr_finder
    from pycifar.training.run import TrainingRun

    def skip(*arguments: Any) -> None:
        pytest.skip(TRAINS)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingRun, "train", skip)
        patch.setattr(lr_finder._Beginning, "losses", skip)
        yield
