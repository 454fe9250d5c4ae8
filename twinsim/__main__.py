"""`python -m twinsim`."""

import sys

from twinsim.cli import main

if __name__ == "__main__":
    sys.exit(main())
