"""What several groups of tests need."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from PIL import ImageCms

if TYPE_CHECKING:
    from venice_core.sandbox import Sandbox, SeenRequest


def load_module(path: Path) -> ModuleType:
    """One of the plug-ins' files that need no GIMP."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def srgb() -> bytes:
    """The profile of sRGB that LittleCMS makes."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def adobe_rgb() -> bytes:
    """A matrix profile with AdobeRGB's (1998) primaries (D50 adapted) and its gamma, made here."""
    colors = {b"rXYZ": (0.60974, 0.31111, 0.01947), b"gXYZ": (0.20528, 0.62567, 0.06087)}
    colors |= {b"bXYZ": (0.14919, 0.06322, 0.74457), b"wtpt": (0.9642, 1.0, 0.8249)}
    fixed = {
        name: b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)
        for name, values in colors.items()
    }
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.19921875 * 256)) + b"\0\0"
    name = b"Adobe RGB (1998) like\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78 + 12 - len(name) % 4)
    tags = {b"desc": text, b"cprt": b"text\0\0\0\0none\0\0\0\0", **fixed}
    tags |= {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    table, body, place = b"", b"", 128 + 4 + 12 * len(tags)
    for tag, value in tags.items():
        data = value + bytes(-len(value) % 4)
        table += tag + struct.pack(">II", place + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", 0, b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += b"".join(struct.pack(">i", round(v * 65536)) for v in (0.9642, 1.0, 0.8249)) + bytes(48)
    profile = head + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(profile)) + profile[4:]


def wait_for(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """What `condition` returns, as soon as that is true of it; fails when it takes longer."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return value


def posts(sandbox: Sandbox) -> list[SeenRequest]:
    """What was asked of it that would cost money; lists and the like are fetched whenever it suits."""
    return [seen for seen in sandbox.requests if seen.method == "POST"]


def hold_answers(monkeypatch: pytest.MonkeyPatch, count: int, wait: Callable[[float], Any]) -> None:
    """The next so many POSTs to sandboxes of this process are answered after that: an event, or a barrier."""
    from venice_core.sandbox import server

    answer, turns = vars(server)["answer"], iter(range(count))

    def wait_and_answer(request: Any, *more: Any) -> Any:
        if request.method == "POST" and next(turns, None) is not None:
            wait(60)
        return answer(request, *more)

    monkeypatch.setattr(server, "answer", wait_and_answer)


KEY = "test-key-0123456789"
REPO = Path(__file__).resolve().parents[2]


def worker_command(*before: str) -> list[str]:
    """The worker on this checkout, in this interpreter; words such as `/usr/bin/env` may stand before."""
    start = (
        f"import sys; sys.path.insert(0, {str(REPO)!r})\n"
        "from venice_core.cli.main import main; main(['worker'])"
    )
    return [*before, sys.executable, "-I", "-B", "-c", start]


def is_required(host: str) -> bool:
    """Whether it is a failure that this computer has no `host` (gimp2, gimp3)."""
    return os.environ.get("VENICE_TEST_HOSTS") in ("required", host)


def leave_out(host: str, reason: str) -> NoReturn:
    """Ends a test that cannot run here: skipped, or failed where its host is required."""
    if is_required(host):
        pytest.fail(reason)
    pytest.skip(reason)


def find_gimp(names: Iterable[str], series: str) -> str | None:
    """The first of those console programs that is a GIMP of that series, such as "2.10" or "3."."""
    for name in names:
        path = shutil.which(name)
        if path:
            said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
            if f" version {series}" in said:
                return path
    return None


def find_python_2() -> str | None:
    """A Python 2.7 that runs, as GIMP 2.10 has it; it may lie in the home that tests do not see."""
    real_home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    found = [shutil.which("python2.7"), *map(str, real_home.glob(".pyenv/versions/2.7*/bin/python"))]
    for candidate in filter(None, found):
        with contextlib.suppress(OSError):
            probe = [candidate, "-c", "import sys, json; print(sys.version_info[:2])"]
            run = subprocess.run(probe, capture_output=True, text=True, check=False)
            if run.stdout.strip() == "(2, 7)":
                return candidate
    return None
