"""What a front end reads of an ICC profile."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from support import adobe_rgb, load_module, srgb

PATH = Path(__file__).resolve().parents[2] / "plug-ins/shared/venice_profile.py"


@pytest.fixture(scope="module")
def profiles() -> ModuleType:
    return load_module(PATH)


def named(name: str) -> bytes:
    """AdobeRGB under another name, in the version of ICC that has ASCII."""
    return adobe_rgb().replace(b"Adobe RGB (1998) like", name.encode().ljust(21))


def test_srgb_is_known_by_its_description(profiles: ModuleType) -> None:
    assert "sRGB".encode("utf-16-be") in srgb(), "ICC's version 4"
    assert profiles.is_srgb(srgb())
    assert profiles.is_srgb(named("sRGB IEC61966-2.1"))
    assert profiles.is_srgb(named("GIMP built-in sRGB"))


@pytest.mark.parametrize("profile", [adobe_rgb(), named("Display P3"), b"", bytes(200), srgb()[:140]])
def test_nothing_else_is(profiles: ModuleType, profile: bytes) -> None:
    assert not profiles.is_srgb(profile)
