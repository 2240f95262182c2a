"""The set-up's decisions: what is missing, what is refused, what the shell is told."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.floors import floors
from tools.setup import data, debian, environment_file, python_environment, r_package, reticulate
from tools.setup.step import SetupError


def test_every_debian_package_is_missing_on_a_bare_machine():
    assert debian.missing_packages(debian.PACKAGES, set()) == debian.PACKAGES


def test_nothing_is_missing_once_all_is_installed():
    assert debian.missing_packages(debian.PACKAGES, {*debian.PACKAGES, "vim"}) == []


@pytest.mark.parametrize(("has_sudo", "start"), [(True, "sudo sh -c '"), (False, "su -c '")])
def test_a_user_without_rights_gets_one_line_to_run(has_sudo, start):
    message = debian.line_to_run(["r-base-core", "pandoc"], has_sudo=has_sudo)
    [line] = [line for line in message.splitlines() if line.startswith(start)]
    assert line.endswith("install --yes --no-install-recommends r-base-core pandoc'")


@pytest.mark.parametrize(
    ("version", "good"),
    [((), False), ((1, 28), False), ((1, 40, 0), False), ((1, 41, 0, 1), True), ((2, 0), True)],
)
def test_only_a_sound_reticulate_is_good_enough(version, good):
    assert reticulate.new_enough(version) is good


def test_an_archive_with_another_checksum_is_refused(tmp_path):
    archive = tmp_path / "reticulate.tar.xz"
    archive.write_bytes(b"something else")
    with pytest.raises(SetupError, match=reticulate.POOL_SHA256):
        reticulate.require_checksum(archive)


def test_an_interpreter_that_is_not_there_is_named_as_such(tmp_path):
    assert python_environment.what_is_wrong_with(tmp_path / "python3") == "is not there"


def test_the_r_package_is_installed_anew_when_a_source_changes_and_only_then(tmp_path):
    (tmp_path / "R").mkdir()
    source = tmp_path / "R/train.R"
    source.write_text("train <- function() 1\n")
    before = r_package.fingerprint(tmp_path)
    (tmp_path / "pycifar/__pycache__").mkdir(parents=True)
    (tmp_path / "pycifar/__pycache__/trainer.pyc").write_bytes(b"compiled")
    source.touch()
    assert r_package.fingerprint(tmp_path) == before
    source.write_text("train <- function() 2\n")
    assert r_package.fingerprint(tmp_path) != before


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh"])
def test_env_sh_works_in_every_shell_from_any_folder_and_twice(shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    root = tmp_path / "a folder's name"
    root.mkdir()
    environment_file.write(root)
    script = '. "$1"; . "$1"; echo "$PATH"; echo "$R_LIBS"; echo "$RETICULATE_PYTHON"'
    done = subprocess.run(
        [shell, "-euc", script, shell, root / "env.sh"],
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    )
    path, libraries, python = done.stdout.splitlines()
    assert path == f"{root}/.venv/bin:/usr/bin:/bin"
    assert libraries == f"{root}/.rlib"
    assert python == f"{root}/.venv/bin/python"


def test_a_data_folder_without_cifar10_stops_the_set_up_with_what_to_do(tmp_path, monkeypatch):
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.delenv(data.VARIABLE, raising=False)
    data.check(tmp_path)
    monkeypatch.setenv(data.VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(SetupError, match=r"PYCIFAR_DATA_DIR names .*nowhere, which does not exist"):
        data.check(tmp_path)
    (tmp_path / "cifar-10-batches-bin").mkdir()
    (tmp_path / "cifar-10-batches-bin/test_batch.bin").touch()
    monkeypatch.setenv(data.VARIABLE, str(tmp_path))
    data.check(tmp_path)


def test_the_project_names_no_folder_outside_itself():
    root = Path(__file__).resolve().parents[2]
    outside = "../" + "shared"
    found = subprocess.run(
        ["git", "grep", "--name-only", "--fixed-strings", outside],
        cwd=root,
        check=False,
        capture_output=True,
        text=True,
    )
    if found.returncode > 1:
        pytest.skip("needs a clone made by git")
    assert set(found.stdout.split()) <= {".ci/run"}


def test_floors_are_the_oldest_versions_that_the_metadata_allows():
    requirements = ["keras>=3.11", 'matplotlib>=3.10; extra == "plots"', "rpy2==3.5.17", "six"]
    assert floors(requirements) == ["keras==3.11", "matplotlib==3.10"]


def test_the_version_is_the_same_in_both_languages():
    root = Path(__file__).resolve().parents[2]
    description = (root / "DESCRIPTION").read_text()
    module = (root / "pycifar/__init__.py").read_text()
    [version] = [
        line.removeprefix("Version: ")
        for line in description.splitlines()
        if line.startswith("Version: ")
    ]
    assert f'__version__ = "{version}"' in module
