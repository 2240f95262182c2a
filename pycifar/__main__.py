"""The `pycifar` command, run as ``python -m pycifar``."""

import sys

from pycifar.cli import main

if __name__ == "__main__":
    sys.exit(main())
