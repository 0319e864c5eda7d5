"""`python -m venice_core`: see `cli`."""

import sys

from venice_core.cli import main

sys.exit(main())
