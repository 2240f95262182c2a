"""`python -m pycifar` is the `pycifar` command."""

import sys

from pycifar.cli import main

if __name__ == "__main__":
    sys.exit(main())
