"""R, its packages and the compilers on Debian, through apt."""

import os
import shutil
import subprocess
from collections.abc import Sequence

from .step import SetupError, announce, ask, run

# What the R package imports, what its tests, checks and vignettes use, and what reticulate is built
# and run with. reticulate itself is not here: see reticulate.py.
R_PACKAGES = [
    "callr",
    "cli",
    "covr",
    "future",
    "generics",
    "ggplot2",
    "here",
    "jsonlite",
    "knitr",
    "lintr",
    "magick",
    "matrix",
    "plumber",
    "png",
    "rappdirs",
    "rcpp",
    "rcpptoml",
    "rlang",
    "rmarkdown",
    "roxygen2",
    "shiny",
    "testthat",
    "tibble",
    "withr",
    "xml2",
]

PACKAGES = [
    "pandoc",  # builds the vignettes
    "python3-dev",  # headers for rpy2, and the shared library that reticulate loads
    "python3-venv",
    "qpdf",  # R CMD check asks for it
    "r-base-core",
    "r-base-dev",  # compilers and headers for reticulate and rpy2
    *(f"r-cran-{name}" for name in R_PACKAGES),
]


def manages_this_machine() -> bool:
    """Tell whether R comes from apt here.

    It does not where R is already there from another source.
    """
    return bool(shutil.which("apt-get") and shutil.which("dpkg-query")) and (
        shutil.which("R") in (None, "/usr/bin/R", "/bin/R")
    )


def install_missing_packages(packages: Sequence[str] = PACKAGES) -> None:
    """Install those of some packages that are missing.

    apt is not called where none is.

    Raises:
        SetupError: when something is missing and this user may not install it. The message is the
            line to run.
    """
    missing = missing_packages(packages, installed_packages(packages))
    if not missing:
        return
    prefix = root_prefix()
    if prefix is None:
        raise SetupError(line_to_run(missing, has_sudo=shutil.which("sudo") is not None))
    announce(f"Installing from Debian (some minutes): {' '.join(missing)}")
    # A fresh machine may be busy with its first upgrade: wait for it, up to five minutes.
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet=2"]
    apt += ["-o", "DPkg::Lock::Timeout=300"]
    # Not fatal: one source of many may be out of reach while the others serve.
    ask([*apt, "update"])
    run([*apt, "install", "--yes", "--no-install-recommends", *missing], "Installing packages")


def installed_packages(packages: Sequence[str]) -> set[str]:
    """Return the names of those packages that are installed and configured."""
    # dpkg-query exits with 1 when it does not know a name, and still lists the others.
    listing = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\n", *packages],
        check=False,
        capture_output=True,
        text=True,
    ).stdout
    lines = (line.split() for line in listing.splitlines())
    return {name for status, name in lines if status == "installed"}


def missing_packages(packages: Sequence[str], installed: set[str]) -> list[str]:
    """Return those packages that are not in `installed`, in the same order."""
    return [name for name in packages if name not in installed]


def root_prefix() -> list[str] | None:
    """Return what to put before a command so that it runs as root.

    None means that this user cannot run it as root.
    """
    if os.geteuid() == 0:
        return []
    if ask(["sudo", "-n", "id", "-u"]).strip() == "0":
        return ["sudo", "-n"]
    return None


def line_to_run(missing: list[str], *, has_sudo: bool) -> str:
    """Format the message for a user who is not root: one line to paste."""
    install = f"apt-get install --yes --no-install-recommends {' '.join(missing)}"
    become_root = "sudo sh -c" if has_sudo else "su -c"
    return (
        "Debian packages are missing, and only root can install them. Run\n"
        f"\n{become_root} 'apt-get update && {install}'\n"
        "\nand then the same make command again."
    )
