"""env.sh: after `. ./env.sh`, python, pycifar and Rscript find everything."""

from pathlib import Path
from shlex import quote

TEMPLATE = """\
# Made by `make setup`; works in sh, bash and zsh, from any folder.
case ":$PATH:" in
  *:{bin}:*) ;;
  *) export PATH={bin}:"$PATH" ;;
esac
case ":${{R_LIBS:-}}:" in
  *:{library}:*) ;;
  *) export R_LIBS={library}"${{R_LIBS:+:$R_LIBS}}" ;;
esac
export RETICULATE_PYTHON={bin}/python
"""


def write(root: Path) -> None:
    """Write env.sh into the project's folder."""
    text = TEMPLATE.format(bin=quote(str(root / ".venv/bin")), library=quote(str(root / ".rlib")))
    (root / "env.sh").write_text(text)
