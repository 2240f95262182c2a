"""Machines without apt, or with an R of their own: use what is there and name what is missing."""

import shutil
from pathlib import Path

from . import r_library
from .debian import R_PACKAGES
from .step import SetupError, ask

# CRAN's spelling where it is not Debian's.
CRAN_NAMES = {"matrix": "Matrix", "rcpp": "Rcpp", "rcpptoml": "RcppTOML"}

# Name, program to look for, package to install.
PROGRAMS = [("R", "Rscript", "r"), ("pandoc", "pandoc", "pandoc"), ("qpdf", "qpdf", "qpdf")]


def require_r() -> None:
    """Stop unless R, pandoc and qpdf are there: the vignettes and R CMD check need the latter two.

    Raises:
        SetupError: names each missing program with the command that brings it.
    """
    missing = [
        f"{name} is missing: {install_command(package)}"
        for name, program, package in PROGRAMS
        if shutil.which(program) is None
    ]
    if missing:
        raise SetupError("\n".join(missing))


def install_command(package: str) -> str:
    """The command that brings a program on this system, or where to look for one."""
    fedora = {"r": "R-core-devel"}.get(package, package)
    if shutil.which("brew"):
        return f"run `brew install {package}`."
    if shutil.which("dnf"):
        return f"run `sudo dnf install {fedora}`."
    return "install it with your system's package manager."


def require_r_packages(root: Path) -> None:
    """Stop unless every R package that pycifar, its tests and its vignettes use is installed.

    Raises:
        SetupError: with the one R command that installs what is missing.
    """
    wanted = [CRAN_NAMES.get(name, name) for name in R_PACKAGES]
    listing = ask(
        ["Rscript", "-e", "cat(.packages(all.available = TRUE))"],
        R_LIBS=r_library.search_path(root),
    )
    missing = sorted(set(wanted) - set(listing.split()))
    if missing:
        names = ", ".join(f'"{name}"' for name in missing)
        raise SetupError(
            f"{len(missing)} R packages are missing. Run\n"
            f"\nRscript -e 'install.packages(c({names}))'\n"
            "\nand then the same make command again."
        )
