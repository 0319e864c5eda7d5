"""A screen of its own (Xvfb), with hands (xdotool) and eyes (screenshots)."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from PIL import Image, ImageGrab
from support import wait_for as until

SIZE = (1280, 860)
TOOLS = ("Xvfb", "xauth", "openbox", "xdotool")
NUMBERS, TRIES = range(1000, 50000), 20


def missing() -> list[str]:
    """What this computer lacks for a real window."""
    return [name for name in TOOLS if shutil.which(name) is None]


class Screen:
    """An X server with a window manager, for programs that have its `variables`, and for no others.

    A number that Xvfb chooses (-displayfd) may be in use: it looks at abstract sockets only, which others may
    not have, and which lead from one machine into another that shares its network. So a number is drawn that
    nobody near uses and Xvfb locks; who listens there has to be that very process; and it lets nobody in
    without the cookie.
    """

    def __init__(self, size: tuple[int, int] = SIZE) -> None:
        self.size = size
        self._folder = tempfile.TemporaryDirectory(prefix="venice-gimp-screen-")
        self._authority = Path(self._folder.name, "authority")
        numbers = (secrets.choice(NUMBERS) for _ in range(TRIES))
        started = ((number, server) for number in numbers if (server := self._start(number)))
        found = next(started, None)
        assert found, "no X server would start"
        number, self._server = found
        self.name = f":{number}"
        self.variables = {"DISPLAY": self.name, "XAUTHORITY": str(self._authority)}
        self._manager = subprocess.Popen(
            ["openbox"],
            env={**os.environ, **self.variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def close(self) -> None:
        for process in (self._manager, self._server):
            process.terminate()
            process.wait(10)
        self._folder.cleanup()

    def _start(self, number: int) -> subprocess.Popen[bytes] | None:
        """The server, or None where somebody else has the number."""
        path = f"/tmp/.X11-unix/X{number}"
        abstract = f"\0{path}"  # programs try it first
        if _listener(abstract) or _listener(path):
            return None
        self._authority.touch(0o600)  # else xauth complains
        # on standard input, since everybody can read command lines
        subprocess.run(
            ["xauth", "-q", "-f", str(self._authority), "source", "-"],
            input=f"add :{number} MIT-MAGIC-COOKIE-1 {secrets.token_hex(16)}\n".encode(),
            check=True,
        )
        server = subprocess.Popen(
            [
                "Xvfb",
                f":{number}",
                *("-auth", str(self._authority)),
                *("-screen", "0", f"{self.size[0]}x{self.size[1]}x24"),
                *("-nolisten", "tcp", "-nolisten", "local"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: server.poll() is not None or _listener(path))
        if _listener(path) == server.pid and not _listener(abstract):
            return server
        server.kill()
        server.wait()
        return None


def _listener(address: str) -> int | None:
    """The process that a socket leads to."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(address)
        except OSError:
            return None
        credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", credentials)[0]
    return pid


class Hands:
    """Somebody in front of a screen, which is `_screen`."""

    _screen: Screen

    def xdo(self, *words: str) -> str:
        run = subprocess.run(
            ["xdotool", *words],
            env={**os.environ, **self._screen.variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return run.stdout.strip()

    def window(self, title: str) -> str:
        """A visible window's number, or ""."""
        return self.xdo("search", "--onlyvisible", "--name", f"^{title}$").partition("\n")[0]

    def wait_for(self, title: str, seconds: float = 30.0) -> str:
        """Waits until that window has the focus."""
        number: str = until(lambda: self.window(title), seconds)
        self.xdo("windowactivate", "--sync", number)
        time.sleep(0.5)
        return number

    def wait_gone(self, title: str, seconds: float = 30.0) -> None:
        until(lambda: not self.window(title), seconds)

    def focus_image(self) -> None:
        number = until(lambda: self.xdo("search", "--onlyvisible", "--name", "– GIMP$").partition("\n")[0])
        width, height = self._screen.size
        self.xdo("windowsize", number, str(width), str(height - 24))
        self.xdo("windowmove", number, "0", "0")
        self.xdo("windowactivate", "--sync", number)
        time.sleep(0.5)

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.xdo("key", key)
            time.sleep(0.25)

    def type(self, text: str) -> None:
        self.xdo("type", "--delay", "15", text)
        time.sleep(0.4)

    def look(self, path: Path | None = None) -> Image.Image:
        """A screenshot, kept where `path` or VENICE_CI_OUT says."""
        with pytest.MonkeyPatch.context() as environment:
            for name, value in self._screen.variables.items():
                environment.setenv(name, value)
            picture = ImageGrab.grab(xdisplay=self._screen.name)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)
        return picture
