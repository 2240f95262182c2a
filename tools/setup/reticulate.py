"""reticulate, the R package through which R calls Python, in a version that is sound.

Debian 12's own (1.28) refuses NumPy 2 and can abort a process that has R inside Python. So, in this
order: what is installed, if it is new enough; CRAN; Debian's pool, which keeps the sources of a
version that builds on Debian 12's R.
"""

import hashlib
import re
import tempfile
from pathlib import Path

from . import r_library
from .step import SetupError, announce, ask, run

OLDEST = (1, 41)

POOL_FILE = "pool/main/r/r-cran-reticulate/r-cran-reticulate_1.41.0.1+dfsg.orig.tar.xz"
POOL_SHA256 = "fca24ebaa8867e2b4da9b735410cf080f09d20ca326407f1759f30c1914b7cf9"

APT_HELPER = Path("/usr/lib/apt/apt-helper")


def provide(root: Path) -> None:
    """Make sure that R finds a reticulate that is new enough.

    Args:
        root: the project's folder.

    Raises:
        SetupError: when neither CRAN nor Debian's pool has one.
    """
    if new_enough(installed_version(root)):
        return
    announce("Installing reticulate into .rlib")
    install_from_cran(root)
    if not new_enough(installed_version(root)):
        install_from_debian(root)
    if not new_enough(installed_version(root)):
        raise SetupError(
            f"reticulate {OLDEST[0]}.{OLDEST[1]} or newer could not be installed: neither CRAN nor "
            "a Debian mirror could be used. With a network, run\n"
            "\nRscript -e 'install.packages(\"reticulate\")'\n"
            "\nand then the same make command again."
        )


def installed_version(root: Path) -> tuple[int, ...]:
    """Return the version of reticulate that R finds, as numbers; empty where there is none."""
    version = ask(
        ["Rscript", "-e", 'cat(format(packageVersion("reticulate")))'],
        R_LIBS=r_library.search_path(root),
    )
    return tuple(int(number) for number in re.findall(r"\d+", version))


def new_enough(version: tuple[int, ...]) -> bool:
    """Tell whether pycifar can use this version of reticulate."""
    return version >= OLDEST


def install_from_cran(root: Path) -> None:
    """Try to install from CRAN.

    Where CRAN cannot be reached, nothing is installed and nothing is raised.
    """
    run(
        ["Rscript", root / "tools/setup/install_from_cran.R", "reticulate", r_library.folder(root)],
        "Asking CRAN for reticulate",
        R_LIBS=r_library.search_path(root),
    )


def install_from_debian(root: Path) -> None:
    """Fetch the sources from the mirror that apt uses, and build them.

    Raises:
        SetupError: when what was fetched is not the file that was meant, or does not build.
    """
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch, "reticulate.tar.xz")
        for mirror in debian_mirrors():
            ask([APT_HELPER, "download-file", f"{mirror}/{POOL_FILE}", archive])
            if archive.is_file():
                break
        else:
            return
        require_checksum(archive)
        run(
            ["R", "CMD", "INSTALL", f"--library={r_library.folder(root)}", archive],
            "Building reticulate",
            R_LIBS=r_library.search_path(root),
        )


def debian_mirrors() -> list[str]:
    """Return the addresses of the mirrors in use, each once."""
    sites = ask(["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"])
    return list(dict.fromkeys(site.rstrip("/") for site in sites.split()))


def require_checksum(archive: Path) -> None:
    """Refuse a file that is not the one whose checksum is written down here.

    Raises:
        SetupError: says which checksum was expected and which one came.
    """
    received = hashlib.sha256(archive.read_bytes()).hexdigest()
    if received != POOL_SHA256:
        raise SetupError(
            f"The sources of reticulate are not what they should be, and were not installed: "
            f"their SHA-256 should be {POOL_SHA256} and is {received}."
        )
