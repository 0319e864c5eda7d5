"""The command `jobs`: what was sent, and its outcome."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping

from venice_core.cli.tables import price_text, print_table
from venice_core.planning.price import Price
from venice_core.providers.registry import Registry
from venice_core.records.entry import summary
from venice_core.records.journal import Journal
from venice_core.storage.folders import Folders


def show_jobs(arguments: argparse.Namespace, _registry: Registry, env: Mapping[str, str]) -> None:
    found = [summary(entry) for entry in Journal(Folders.of(env).jobs)]
    if arguments.json:
        print(json.dumps({"jobs": found}))
        return
    rows = [
        [
            job["id"],
            time.strftime("%Y-%m-%d %H:%M", time.localtime(job["created"])),
            job["action"],
            f"{job['status']} {job['error']}".strip(),
            job["charge"],
            price_text(Price(job["price"]["usd"]) if job["price"] else None),
            job["prompt"],
        ]
        for job in found
    ]
    print_table(("job", "created", "action", "status", "charge", "price", "prompt"), rows)
