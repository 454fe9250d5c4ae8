"""Speed, measured."""

import os

# "compile s" is what a first run pays: no program is taken from an earlier one.
os.environ.setdefault("TWINSIM_CACHE", "off")
