"""`python -m aae_studio` is `aae-studio`."""

from __future__ import annotations

import sys

from aae_studio.cli import main

if __name__ == "__main__":
    if getattr(sys, "frozen", False):
        # In a packaged program, other processes start as this one again.
        import multiprocessing

        multiprocessing.freeze_support()
    sys.exit(main())
