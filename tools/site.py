"""Build the website of both languages in site/ and check its links: `python -m tools.site`.

site/index.html leads to site/r/, which pkgdown makes of the R package, and to site/python/, which
mkdocs makes of docs/python/ (guides and reference) and the docstrings.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.checks.r_cmd_check import copy_of_package
from tools.setup import debian
from tools.setup.step import SetupError, announce, run

ROOT = Path(__file__).resolve().parents[1]
DOCS, SITE, WORK = ROOT / "docs", ROOT / "site", ROOT / ".check/site"
MARK = "<!-- the help of each command is put here by `make site` -->"

WITHOUT_NETWORK = (
    "pkgdown 2.1 and newer fetch the JavaScript of Bootstrap 5 pages from its makers' servers, and "
    "these cannot be reached. site/r is built with Bootstrap 3, which fetches nothing: the same "
    "pages with a simpler look and no search."
)

PKGDOWN = """
options(pkgdown.internet = FALSE)
pkgdown::build_site(
  {source!r}, override = list(destination = {target!r}, template = list(bootstrap = {bootstrap})),
  preview = FALSE, install = FALSE, devel = FALSE, new_process = FALSE
)
"""


def main() -> int:
    """Build both halves and the page that leads to them; return 1 where one cannot be built."""
    try:
        return build()
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


def build() -> int:
    """Build the site and check its links; return the exit status of the check."""
    provide_tools()
    shutil.rmtree(SITE, ignore_errors=True)
    SITE.mkdir()
    shutil.copy2(DOCS / "index.html", SITE)
    shutil.copy2(ROOT / "man/figures/README-picture.png", SITE / "picture.png")
    build_python_half()
    build_r_half()
    return check_links()


def check_links() -> int:
    """Follow every link within the site; return the exit status of linkchecker.

    Run as root, linkchecker becomes another user, who may not read the project's folder: so it is
    given a copy where everybody may read.
    """
    announce("Checking links")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        copy = shutil.copytree(SITE, Path(folder, "site"))
        command = ["linkchecker", "--no-status", "--no-warnings", str(copy / "index.html")]
        return subprocess.run(command, cwd=folder, check=False).returncode


def provide_tools() -> None:
    """Install what the set-up leaves out: pkgdown, mkdocs and linkchecker."""
    if debian.manages_this_machine():
        debian.install_missing_packages(["r-cran-pkgdown"])
    run([sys.executable, "-m", "pip", "install", "--quiet", "--editable", f"{ROOT}[docs]"], "pip")


def build_python_half() -> None:
    """Build site/python/, and write the help of each command into its page on the shell."""
    announce("Building site/python")
    pages = WORK / "mkdocs"
    shutil.rmtree(pages, ignore_errors=True)
    shutil.copytree(DOCS, pages)
    settings = pages / "mkdocs.yml"
    settings.write_text(settings.read_text().replace("paths: [..]", f"paths: [{ROOT}]"))
    shell = pages / "python/shell.md"
    shell.write_text(shell.read_text().replace(MARK, "\n\n".join(map(help_of, commands()))))
    run(["mkdocs", "build", "--strict", "-f", settings, "-d", SITE / "python"], "mkdocs")


def commands() -> list[str]:
    """Return the names of the commands of pycifar."""
    from pycifar.cli.parser import COMMANDS

    return list(COMMANDS)


def help_of(command: str) -> str:
    """Format the help of a command as a section of Markdown."""
    told = subprocess.run(
        ["pycifar", command, "--help"], check=True, capture_output=True, text=True
    ).stdout
    return f"## pycifar {command}\n\n```text\n{told.strip()}\n```"


def build_r_half() -> None:
    """Build site/r/.

    It uses Bootstrap 3 where the files of Bootstrap 5 cannot be fetched.
    """
    announce("Building site/r (some minutes: the examples and vignettes are run)")
    source = copy_of_package(WORK / "r")
    shutil.copy2(DOCS / "_pkgdown.yml", source)
    try:
        run_pkgdown(source, bootstrap=5)
    except SetupError as error:
        if "cannot open URL" not in str(error):
            raise
        print(WITHOUT_NETWORK, file=sys.stderr)
        run_pkgdown(source, bootstrap=3)


def run_pkgdown(source: Path, bootstrap: int) -> None:
    """Have pkgdown write site/r/ anew from the package in `source`."""
    shutil.rmtree(SITE / "r", ignore_errors=True)
    code = PKGDOWN.format(source=str(source), target=str(SITE / "r"), bootstrap=bootstrap)
    run(["Rscript", "-e", code], "pkgdown")


if __name__ == "__main__":
    sys.exit(main())
