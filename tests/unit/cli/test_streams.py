"""What people read: on any terminal, in any encoding, and when nobody reads any more."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import TextIO, cast

import pytest

from venice_core.cli import streams

REPO = Path(__file__).resolve().parents[3]
SAID = "caf\u00e9 \U0001f600 \udce9 end"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "utf-8"])
def test_what_cannot_be_shown_is_replaced(encoding: str) -> None:
    kept = io.BytesIO()
    inner = io.TextIOWrapper(kept, encoding, write_through=True)
    print(SAID, file=cast("TextIO", streams.Stream(inner)))
    shown = kept.getvalue().decode(encoding)
    assert shown.startswith("caf")
    assert shown.rstrip().endswith("end")


class Narrow(io.StringIO):
    """A stream that is no usual one, and takes ASCII."""

    def write(self, text: str) -> int:
        return super().write(text.encode("ascii").decode())


def test_so_it_is_on_a_stream_of_another_kind() -> None:
    inner = Narrow()
    print(SAID, file=cast("TextIO", streams.Stream(inner)))
    assert inner.getvalue() == "caf? ? ? end\n"


@pytest.mark.parametrize(
    "text", ["\x1b[2J\x1b]0;title\x07", "a\rb", "\x9b31m", "\u202etxt.exe", "\b\b\b", "\x7f", "\u2066"]
)
def test_control_characters_are_not_shown(text: str) -> None:
    inner = io.StringIO()
    stream = cast("TextIO", streams.Stream(inner))
    print(text, "kept\tand\nkept", file=stream)
    shown = inner.getvalue()
    assert all(each in "\n\t" or each.isprintable() or each == "\ufffd" for each in shown)
    assert shown.endswith("kept\tand\nkept\n")
    print("\r\x1b[K", end="", file=streams.unfiltered(stream))
    assert inner.getvalue().endswith("\r\x1b[K"), "but those that are meant are"


def test_what_people_are_told_while_a_library_is_quiet_arrives() -> None:
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from venice_core.imaging.silenced_libraries import silenced_libraries
from venice_core.cli.streams import forgiving
import os
with forgiving():
    with silenced_libraries():
        print("told", file=sys.stderr)
        os.write(2, b"of a library")
    print("afterwards", file=sys.stderr)
"""
    run = subprocess.run([sys.executable, "-B", "-c", code, str(REPO)], capture_output=True, check=True)
    assert run.stderr.split() == [b"told", b"afterwards"]


CODE = """
import sys
sys.path.insert(0, sys.argv[1])
from venice_core.cli.streams import forgiving
with forgiving():
    for _ in range(2000):
        print("caf\\u00e9 \\U0001f600 \\udce9", flush=True)
        print("as well", file=sys.stderr, flush=True)
sys.exit(7)
"""


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices of POSIX")
@pytest.mark.parametrize("how", ["nobody reads", "closed", "no room", "both closed"])
def test_a_stream_that_takes_nothing_does_not_decide_how_it_ends(how: str) -> None:
    command = [sys.executable, "-B", "-c", CODE, str(REPO)]
    quoted = " ".join(f"'{part}'" for part in command)
    redirected = {"closed": ">&-", "both closed": ">&- 2>&-", "no room": ">/dev/full"}.get(how, "")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    if how == "nobody reads":
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        assert process.stdout is not None
        process.stdout.close()
        _, said = process.communicate(timeout=60)
        assert b"Traceback" not in said
        assert b"Exception ignored" not in said
        assert process.returncode == 7
        return
    run = subprocess.run(
        f"{quoted} {redirected}", check=False, shell=True, capture_output=True, env=environment, timeout=60
    )
    assert run.returncode == 7
    assert b"Traceback" not in run.stderr
