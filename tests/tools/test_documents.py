"""What the vignettes and the help pages are made of."""

import re
from pathlib import Path

import pytest

from pycifar import limits

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*ROOT.glob("vignettes/*.Rmd"), *ROOT.glob("man/*.Rd"), ROOT / "README.md"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_use_what_is_public_alone(document):
    assert "pycifar:::" not in document.read_text("utf-8")


def test_the_limits_that_are_promised_are_those_of_the_code():
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    rows = re.findall(r"^\| ([A-Z_]+): .* \| ([\d,]+) \|$", text, re.MULTILINE)
    promised = {name: int(number.replace(",", "")) for name, number in rows}
    assert len(promised) > 10
    assert promised == {name: getattr(limits, name) for name in promised}
