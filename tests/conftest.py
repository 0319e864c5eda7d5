"""No test sees the real user or the network: a home of its own, no key, and loopback addresses only."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import numpy.typing as npt
import pytest

from venice_core.sandbox import Sandbox

REPO = Path(__file__).resolve().parent.parent
PROVIDERS = ("VENICE_", "OPENAI_", "GROK_RELAY_", "GPT_IMAGE_RELAY_", "SELF_HOSTED_")
ANYONES = (*PROVIDERS, "XDG_")
OURS = ("VENICE_TEST_", "VENICE_CI_")  # how the tests themselves are run
LONG = bool(os.environ.get("VENICE_TEST_LONG"))

_added: list[Path] = []


class OutsideConnectionError(Exception):
    """A test tried to leave this machine. No OSError, so that nothing takes it for a broken network."""


def pytest_configure(config: pytest.Config) -> None:
    """For the whole session, so that fixtures of any scope and every process they start are covered."""
    _keep_pip_working()
    # What a shell starts in the background ignores Ctrl-C, and what nohup starts the end of a terminal, which
    # would be handed on to what tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    home = Path(tempfile.mkdtemp(prefix="venice-gimp-home-"))
    _added.append(home)
    for name in list(os.environ):
        if name.startswith(ANYONES) and not name.startswith(OURS):
            del os.environ[name]
    os.environ.update(_environment(home))
    examples = 600 if LONG else 60
    hypothesis.settings.register_profile(
        "here", database=None, deadline=None, derandomize=True, print_blob=True, max_examples=examples
    )
    hypothesis.settings.load_profile("here")
    sys.addaudithook(_stay_here)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not LONG:
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes long: run with VENICE_TEST_LONG=1"))


def pytest_unconfigure(config: pytest.Config) -> None:
    while _added:
        shutil.rmtree(_added.pop(), ignore_errors=True)


def _environment(home: Path) -> dict[str, str]:
    folders = {
        "HOME": home,
        "USERPROFILE": home,
        "XDG_CONFIG_HOME": home / ".config",
        "XDG_DATA_HOME": home / ".local" / "share",
        "XDG_CACHE_HOME": home / ".cache",
        "XDG_STATE_HOME": home / ".local" / "state",
        "XDG_RUNTIME_DIR": home / ".run",
        "VENICE_HOME": home / "venice",
    }
    (home / ".run").mkdir(mode=0o700, exist_ok=True)
    return {
        **{name: str(folder) for name, folder in folders.items()},
        # where nobody listens: what looks up lists by itself must not leave this machine
        "VENICE_BASE_URL": "http://127.0.0.1:9/api/v1",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }


def _keep_pip_working() -> None:
    """pip finds its settings and its cache through the home that is about to change."""
    home = Path.home()
    for settings in (home / ".config" / "pip" / "pip.conf", home / ".pip" / "pip.conf"):
        if settings.is_file():
            os.environ.setdefault("PIP_CONFIG_FILE", str(settings))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "pip"
    os.environ.setdefault("PIP_CACHE_DIR", str(cache))


def _stay_here(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if host in (None, "", b"", "localhost"):
        return
    host = host.decode() if isinstance(host, bytes) else str(host)
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host.partition("%")[0]).is_loopback:
            return
    raise OutsideConnectionError(f"a test wants to reach {host}")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This test's own home folder; `venice` in it is VENICE_HOME and does not exist yet."""
    folder = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(PROVIDERS) and not name.startswith(OURS):
            monkeypatch.delenv(name)
    for name, value in _environment(folder).items():
        monkeypatch.setenv(name, value)
    return folder


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The stand-in for the service on a free port."""
    with Sandbox() as running:
        yield running


Photograph = npt.NDArray[np.uint8]


@pytest.fixture(scope="session")
def astronaut() -> Photograph:
    """A portrait, 512 x 512 px, RGB; it comes with scikit-image."""
    from skimage import data

    return _frozen(data.astronaut())


@pytest.fixture(scope="session")
def coffee() -> Photograph:
    """A cup on a table, 600 x 400 px, RGB; it comes with scikit-image."""
    from skimage import data

    return _frozen(data.coffee())


@pytest.fixture(scope="session")
def chelsea() -> Photograph:
    """A cat, 451 x 300 px, RGB; it comes with scikit-image."""
    from skimage import data

    return _frozen(data.chelsea())


def _frozen(pixels: Photograph) -> Photograph:
    pixels = np.ascontiguousarray(pixels)
    pixels.setflags(write=False)
    return pixels
