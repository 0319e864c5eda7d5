"""A screen of its own (Xvfb), with hands (xdotool) and eyes (screenshots)."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from PIL import Image, ImageGrab
from support import wait_for as until

SIZE = (1280, 860)
TOOLS = ("Xvfb", "openbox", "xdotool")


def missing() -> list[str]:
    """What this computer lacks for a real window."""
    return [name for name in TOOLS if shutil.which(name) is None]


class Screen:
    """An X server with a window manager."""

    def __init__(self) -> None:
        reading, writing = os.pipe()
        self._server = subprocess.Popen(
            [
                "Xvfb",
                "-displayfd",
                str(writing),
                "-screen",
                "0",
                f"{SIZE[0]}x{SIZE[1]}x24",
                # nor by names that all machines of one network share
                *("-nolisten", "tcp", "-nolisten", "local"),
            ],
            pass_fds=[writing],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        with os.fdopen(reading) as file:
            self.name = f":{file.readline().strip()}"
        self._manager = subprocess.Popen(
            ["openbox"],
            env={**os.environ, "DISPLAY": self.name},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def close(self) -> None:
        for process in (self._manager, self._server):
            process.terminate()
            process.wait(10)


class Hands:
    """Somebody in front of a screen, which is `_screen`."""

    _screen: Screen

    def xdo(self, *words: str) -> str:
        run = subprocess.run(
            ["xdotool", *words],
            env={**os.environ, "DISPLAY": self._screen.name},
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
        self.xdo("windowsize", number, str(SIZE[0]), str(SIZE[1] - 24))
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
        picture = ImageGrab.grab(xdisplay=self._screen.name)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)
        return picture
