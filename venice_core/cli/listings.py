"""The commands that only list something: `models`, `styles`, `account`, `jobs`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from venice_core.cli.account import show_account
from venice_core.cli.jobs import show_jobs
from venice_core.cli.models import show_models, show_styles
from venice_core.providers.registry import Registry
from venice_core.storage.folders import Folders


def show(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Run the command named by `arguments.list`."""
    commands = {"models": show_models, "styles": show_styles, "account": show_account, "jobs": show_jobs}
    with Registry(env, Folders.of(env)) as registry:
        commands[arguments.list](arguments, registry, env)
    return 0
