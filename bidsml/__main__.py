"""``python -m bidsml`` is the command ``bidsml``."""

import sys

from bidsml.cli import main

if __name__ == "__main__":
    sys.exit(main())
