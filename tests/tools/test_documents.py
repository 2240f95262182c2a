"""What the vignettes and the help pages are made of."""

import re
from pathlib import Path

import pytest

from pycifar import limits
from pycifar.serving import limits as serving_limits

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*ROOT.glob("vignettes/*.Rmd"), *ROOT.glob("man/*.Rd"), ROOT / "README.md"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_use_what_is_public_alone(document):
    assert "pycifar:::" not in document.read_text("utf-8")


def test_the_pictures_of_the_readme_are_in_the_r_package():
    pictures = re.findall(r"!\[.*?\]\((.+?)\)", (ROOT / "README.md").read_text("utf-8"))
    assert len(pictures) > 2
    for picture in map(Path, pictures):
        assert picture.parent == Path("man/figures")
        assert (ROOT / picture).is_file()


def test_the_limits_that_are_promised_are_those_of_the_code():
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    whole, _, rest = text.partition("\n## The server\n")
    served, _, rest = rest.partition("\n## ")
    for part, home, fewest in ((whole + rest, limits, 10), (served, serving_limits, 6)):
        rows = re.findall(r"^\| ([A-Z_]+): .*? \| ([\d,]+) \|", part, re.MULTILINE)
        promised = {name: int(number.replace(",", "")) for name, number in rows}
        assert len(promised) > fewest
        assert promised == {name: getattr(home, name) for name in promised}
