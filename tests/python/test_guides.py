"""The guides of the website run as they are printed, each in a folder of its own."""

import contextlib
import io
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = sorted(DOCS.glob("python/guides/*.md"))
CODE = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_the_code_of_a_guide_runs_and_prints_what_stands_below_it(guide, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = CODE.findall(guide.read_text("utf-8"))
    assert blocks
    names: dict[str, object] = {"__name__": "__main__"}
    for code, output in blocks:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(code, str(guide), "exec"), names)
        assert printed.getvalue() == output, code


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_every_block_of_a_guide_is_run_or_is_an_output(guide):
    fences = re.findall(r"^```(\w+)$", guide.read_text("utf-8"), re.MULTILINE)
    blocks = CODE.findall(guide.read_text("utf-8"))
    shell = fences.count("sh")
    assert len(fences) - shell == len(blocks) + sum(bool(output) for _, output in blocks)


def test_each_guide_is_in_the_menu_and_on_the_first_page():
    names = [f"guides/{guide.name}" for guide in GUIDES]
    assert names
    for page in (DOCS / "mkdocs.yml", DOCS / "python/index.md"):
        text = page.read_text("utf-8")
        assert [name for name in names if name not in text] == []
