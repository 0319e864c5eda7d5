"""What each command calls; what it needs is imported only then."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping

from venice_core.cli.interrupts import Interrupts
from venice_core.errors import BadInput


def run_pictures(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    with Interrupts() as interrupts:
        from venice_core.cli import pictures

        return pictures.run(arguments, env, interrupts)


def run_listing(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from venice_core.cli import listings

    return listings.show(arguments, env)


def run_sandbox(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from venice_core.sandbox import DIALECTS, Sandbox, parse_setting

    try:
        catalogue = json.loads(arguments.catalogue.read_text("utf-8")) if arguments.catalogue else None
        switches = dict(parse_setting(text) for text in arguments.switch)
        sandbox = Sandbox(arguments.port, switches, catalogue).start()
    except (ValueError, OverflowError, OSError) as error:
        raise BadInput(f"The sandbox cannot start: {error}.") from error
    print(f"VENICE_BASE_URL={sandbox.url}", flush=True)
    for name in DIALECTS:
        print(f"{name.upper().replace('-', '_')}_BASE_URL={sandbox.url_for(name)}", flush=True)
    print("Any API key works. Press Ctrl-C to stop.", file=sys.stderr, flush=True)
    sandbox.serve_forever()
    return 0


def run_worker(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from venice_core.worker import process

    process.main(env)
    return 0
