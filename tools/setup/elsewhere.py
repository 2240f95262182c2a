"""Machines without apt, or with an R of their own: use what is there and name what is missing."""

import shutil
import sysconfig
from pathlib import Path

from . import r_library
from .debian import R_PACKAGES
from .step import SetupError, ask

# What it is called, the program to look for, and the commands that bring it on Fedora and macOS.
PROGRAMS = [
    ("R", "Rscript", "sudo dnf install R", "brew install r"),
    ("pandoc, for the vignettes", "pandoc", "sudo dnf install pandoc", "brew install pandoc"),
    ("qpdf, for R CMD check", "qpdf", "sudo dnf install qpdf", "brew install qpdf"),
    ("a C++ compiler", "c++", "sudo dnf install gcc-c++", "xcode-select --install"),
]

# CRAN's spelling where it is not Debian's.
CRAN_NAMES = {"matrix": "Matrix", "rcpp": "Rcpp", "rcpptoml": "RcppTOML"}


def require_programs() -> None:
    """Stop unless R and the programs that build and check packages are there.

    Raises:
        SetupError: names each missing one with the command that brings it.
    """
    missing = [
        f"{name}: {command_for_this_system(dnf, brew)}"
        for name, program, dnf, brew in PROGRAMS
        if shutil.which(program) is None
    ]
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        bringing = command_for_this_system("sudo dnf install python3-devel", "brew install python")
        missing.append(f"Python's headers: {bringing}")
    if missing:
        raise SetupError("Missing here:\n" + "\n".join(missing))


def command_for_this_system(dnf: str, brew: str) -> str:
    """Return the one of two commands that works here.

    Where neither does, return where to look for one.
    """
    if shutil.which("dnf"):
        return f"run `{dnf}`"
    if shutil.which("brew"):
        return f"run `{brew}`"
    return "install it with your system's package manager"


def require_r_packages(root: Path) -> None:
    """Stop unless every R package that pycifar, its tests and its vignettes use is installed.

    Args:
        root: the project's folder.

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
            "R packages are missing. Run\n"
            f"\nRscript -e 'install.packages(c({names}))'\n"
            "\nand then the same make command again."
        )
