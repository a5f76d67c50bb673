"""`python -m aae_studio` is `aae-studio`."""

from __future__ import annotations

import sys

from aae_studio.cli import main

if __name__ == "__main__":
    sys.exit(main())
