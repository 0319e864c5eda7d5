"""The page about providers: its examples work as they stand, and its profile is one."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from contract_ways import REPO, Pixels, Shell
from PIL import Image

from venice_core.providers.openai.profile import ServiceProfiles
from venice_core.sandbox import DIALECTS, Sandbox

PAGE = (REPO / "docs" / "providers.md").read_text("utf-8")
COMMANDS = re.findall(r"^python -m venice_core (edit|generate)( .*)$", PAGE, re.MULTILINE)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_there_is_an_example_for_every_built_in_profile() -> None:
    shown = {shlex.split(rest)[shlex.split(rest).index("--provider") + 1] for _, rest in COMMANDS}
    assert shown == set(ServiceProfiles().names) == set(DIALECTS)


@pytest.mark.covers("Tests of the dialects: these examples")
@pytest.mark.parametrize("command", [command + rest for command, rest in COMMANDS])
def test_an_example_works_as_it_stands(
    command: str,
    shell: Shell,
    sandbox: Sandbox,
    photo: Path,
    mask: Path,
    chelsea: Pixels,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(photo.parent)
    photo.rename("photo.png")
    mask.rename("tree.png")
    for name in DIALECTS:
        variable = name.upper().replace("-", "_")
        shell.env |= {f"{variable}_BASE_URL": sandbox.url_for(name), f"{variable}_API_KEY": "sk-0123456789ab"}
    assert shell(*shlex.split(command)) == 0, shell.err
    with Image.open(command.rpartition(" ")[2]) as made:
        size = (1200, 800) if command.startswith("generate") else (chelsea.shape[1], chelsea.shape[0])
        assert made.size == size


def test_the_profile_that_it_shows_is_one() -> None:
    (shown,) = blocks("json")
    profiles = ServiceProfiles(json.loads(shown)["profiles"])
    found = profiles.get("studio")
    assert found is not None
    assert (found.base_url, found.model) == ("https://images.studio.example/v1", "qwen-image-edit")
    assert found.dialect.model("m", "m").price() is not None
    assert found.dialect.mask
