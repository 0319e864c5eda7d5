"""Run `python -m venice_core`: see `cli`."""

import signal
import sys

try:
    from venice_core.cli.main import main

    code = main()
except KeyboardInterrupt:  # before there was anything to end
    code = 130
signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done and said
sys.exit(code)
