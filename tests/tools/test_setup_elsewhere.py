"""Without apt, each missing thing is named with the command that brings it."""

import pytest

from tools.setup import elsewhere
from tools.setup.step import SetupError


@pytest.mark.parametrize(
    ("manager", "line"),
    [
        ("dnf", "R: run `sudo dnf install R`"),
        ("brew", "R: run `brew install r`"),
        ("pacman", "R: install it with your system's package manager"),
    ],
)
def test_each_missing_program_comes_with_its_command(manager, line, tmp_path, monkeypatch):
    program = tmp_path / manager
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError) as raised:
        elsewhere.require_programs()
    assert line in str(raised.value).splitlines()


def test_missing_r_packages_come_as_one_r_command(tmp_path, monkeypatch):
    program = tmp_path / "Rscript"
    program.write_text("#!/bin/sh\nprintf 'base utils cli Matrix Rcpp'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(SetupError, match=r"install\.packages") as raised:
        elsewhere.require_r_packages(tmp_path)
    message = str(raised.value)
    assert '"RcppTOML"' in message
    assert '"Rcpp",' not in message
