"""The command line: `python -m venice_core COMMAND …`.

Exit codes are those of `errors.ExitCode`. With `--json` one object is printed, and text for the user goes to
standard error.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence

from venice_core.cli.commands import run_worker
from venice_core.cli.parser import make_parser
from venice_core.cli.remedies import sentence
from venice_core.cli.streams import forgiving
from venice_core.errors import ExitCode, UnusableFile, VeniceError
from venice_core.storage.folders import Folders
from venice_core.storage.logs import logging_to
from venice_core.storage.settings import displayed_provider

log = logging.getLogger(__name__)

LOG = "command-line.log"


def main(argv: Sequence[str] | None = None, env: Mapping[str, str] | None = None) -> int:
    """Run one command and return its exit code. Whatever happens, the terminal shows no traceback."""
    env = os.environ if env is None else env
    with forgiving():
        return _main(argv, env)


def _main(argv: Sequence[str] | None, env: Mapping[str, str]) -> int:
    arguments = make_parser().parse_args(argv)
    try:
        # the worker has a log of its own
        return run_worker(arguments, env) if arguments.command is run_worker else _run(arguments, env)
    except KeyboardInterrupt:
        return ExitCode.CANCELLED


def _run(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    try:
        path = Folders.of(env).logs / LOG
        with logging_to(path):
            try:
                return int(arguments.command(arguments, env))
            except VeniceError:
                raise
            except OSError as error:
                log.exception("a command failed")
                raise UnusableFile.of(error) from error
            except Exception as error:
                log.exception("a command failed")
                raise VeniceError(f"details are in {path}") from error
    except VeniceError as error:
        failure = error
    from venice_core.cli.report import described

    text = sentence(failure, displayed_provider(getattr(arguments, "provider", ""), env))
    if getattr(arguments, "json", False):
        print(json.dumps({"exit": int(failure.exit_code), "results": [], "error": described(failure, text)}))
    print(text, file=sys.stderr)
    return failure.exit_code
