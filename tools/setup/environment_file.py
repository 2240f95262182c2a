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

DATA_TEMPLATE = """\
if [ -z "${{PYCIFAR_DATA_DIR:-}}" ]; then
  export PYCIFAR_DATA_DIR={data_dir}
fi
"""


def write(root: Path, data_dir: Path | None) -> None:
    """Write env.sh.

    Args:
        root: the project's folder.
        data_dir: where real CIFAR-10 was prepared, if it was. What the user has set wins.
    """
    text = TEMPLATE.format(bin=quote(str(root / ".venv/bin")), library=quote(str(root / ".rlib")))
    if data_dir is not None:
        text += DATA_TEMPLATE.format(data_dir=quote(str(data_dir)))
    (root / "env.sh").write_text(text)
