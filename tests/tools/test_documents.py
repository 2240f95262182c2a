"""What the vignettes and the help pages are made of."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*ROOT.glob("vignettes/*.Rmd"), *ROOT.glob("man/*.Rd"), ROOT / "README.md"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_use_what_is_public_alone(document):
    assert "pycifar:::" not in document.read_text("utf-8")
