"""What a front end reads of an ICC profile."""

from __future__ import annotations

import struct
from pathlib import Path
from types import ModuleType

import pytest
from support import adobe_rgb, find_python_2, load_module, srgb

from venice_core.imaging import color_profiles

PATH = Path(__file__).resolve().parents[2] / "plug-ins/shared/venice_icc.py"


@pytest.fixture(scope="module")
def profiles() -> ModuleType:
    return load_module(PATH)


def made(
    curve: bytes, name: str, *, points: tuple[float, ...] = color_profiles.SRGB_POINTS, gray: bool = False
) -> bytes:
    return color_profiles._made(points, curve, name, gray=gray)


def exponent(value: float) -> bytes:
    """As old profiles have it."""
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256)) + b"\0\0"


SRGB = color_profiles._para(color_profiles.SRGB_CURVE)
SAME = [srgb(), made(SRGB, "Camera"), made(SRGB, "x", gray=True)]
OTHERS = [
    adobe_rgb(),
    made(color_profiles._gamma(1.0), "GIMP built-in Linear sRGB"),
    made(b"curv\0\0\0\0" + bytes(4), "sRGB linear"),
    made(exponent(2.2), "sRGB"),
    made(exponent(1.8), "sRGB", gray=True),
    made(SRGB, "sRGB, Display P3", points=color_profiles.P3_POINTS),
    b"",
    b"sRGB",
    bytes(200),
    srgb()[:140],
    srgb()[:-40],
    b"\xff" * 600,
]


@pytest.mark.parametrize("profile", SAME)
def test_srgb_is_known_by_what_it_says(profiles: ModuleType, profile: bytes) -> None:
    assert profiles.is_srgb(profile)


@pytest.mark.parametrize("profile", OTHERS)
def test_nothing_else_is_whatever_it_is_called(profiles: ModuleType, profile: bytes) -> None:
    assert not profiles.is_srgb(profile)


def test_a_profile_of_tables_is_not_looked_into(profiles: ModuleType) -> None:
    tables = srgb().replace(b"chad", b"A2B0")
    assert tables != srgb()
    assert not profiles.is_srgb(tables)


def test_it_runs_on_python_2(tmp_path: Path) -> None:
    import subprocess

    python = find_python_2()
    if python is None:
        pytest.skip("there is no Python 2.7 here")
    for number, profile in enumerate([*SAME, *OTHERS]):
        (tmp_path / f"{number:02}.icc").write_bytes(profile)
    code = (
        "import glob, sys; sys.dont_write_bytecode = True\n"
        "sys.path.insert(0, sys.argv[1]); import venice_icc\n"
        "for path in sorted(glob.glob(sys.argv[2] + '/*.icc')):\n"
        "    print(int(venice_icc.is_srgb(open(path, 'rb').read())))"
    )
    run = subprocess.run(
        [python, "-c", code, str(PATH.parent), str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["1"] * len(SAME) + ["0"] * len(OTHERS)
