"""The command `account`: the key, the balance, spending, the limit."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import asdict

from venice_core.cancellation import Cancel
from venice_core.errors import BadInput
from venice_core.network.lookup import look_up
from venice_core.providers.registry import Registry
from venice_core.records.journal import Journal
from venice_core.records.spending import dollars, spent_today
from venice_core.storage.folders import Folders


def show_account(arguments: argparse.Namespace, registry: Registry, env: Mapping[str, str]) -> None:
    if arguments.daily_limit is not None:
        registry.settings.set_daily_limit(_amount(arguments.daily_limit))
    opened = registry.open(arguments.provider)
    spending = spent_today(Journal(Folders.of(env).jobs), time.time())
    limit = registry.settings.daily_limit
    if not arguments.json:  # what is known here, whatever the service says
        count = "1 request" if spending.requests == 1 else f"{spending.requests} requests"
        unknown = f", and {spending.unpriced} at an unknown price" if spending.unpriced else ""
        print(f"Today: {count}, at most {dollars(spending.usd)}{unknown}")
        print("Daily limit: " + ("none" if limit is None else dollars(limit)))
    if opened.lacks_key:
        raise opened.missing_key
    account = opened.provider.read_account(look_up(opened.provider.account(), opened.provider, Cancel()))
    if arguments.json:
        details = {**asdict(account), "spent_today": asdict(spending), "daily_limit": limit}
        print(json.dumps({"provider": opened.name, "key_source": opened.key_source, **details}))
        return
    how = f"the key works ({opened.key_source})" if opened.key else "it responds and needs no key"
    print(f"{opened.name}: {how}.")
    if account.note:
        print(account.note)
    if not account.permitted:
        print("The service currently denies this key access.")
    if account.tier:
        print(f"Tier: {account.tier}")
    for name, amount in (("US dollars", account.usd), ("DIEM", account.diem)):
        if amount is not None:
            print(f"Balance in {name}: {amount:.2f}")


def _amount(text: str) -> float | None:
    if text.lower() == "none":
        return None
    try:
        return float(text)
    except ValueError as error:
        raise BadInput(f"“{text}” is not an amount in US dollars.") from error
