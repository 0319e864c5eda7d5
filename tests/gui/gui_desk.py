"""A real GIMP in a window on a screen of its own (Xvfb), with hands (xdotool) and eyes (screenshots)."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gimp3_machine import Gimp, until
from PIL import Image, ImageGrab

SIZE = (1280, 860)
TOOLS = ("Xvfb", "openbox", "xdotool")
NAMES = ("gimp-3.2", "gimp-3.0", "gimp")
EDIT, GENERATE, REMOVE = "Edit with Prompt", "Generate Layer", "Remove Background"
SETTINGS, UPSCALE = "Venice Settings", "Upscale Layer"
NEW_PROVIDER = "New Provider"  # from the settings
# Where they are in Filters > Venice: by their labels.
_ROW = {EDIT: 0, GENERATE: 1, REMOVE: 2, SETTINGS: 3, UPSCALE: 4}


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


class Desk(Gimp):
    """As `Gimp`, with a window; functions of `gimp3_inside` go on working beside it."""

    def __init__(
        self, screen: Screen, folder: Path, sandbox_url: str, variables: Mapping[str, str] | None = None
    ) -> None:
        program = next(path for name in NAMES if (path := shutil.which(name)))
        super().__init__(program, folder, sandbox_url, variables)
        self._screen = screen
        self._variables["DISPLAY"] = screen.name
        version = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=True
        ).stdout.split()[-1]
        with (folder / "profile" / "gimprc").open("a") as file:
            # no window about news
            file.write(f'(config-version "{version}")\n(show-welcome-dialog no)\n(check-updates no)\n')
            file.write("(restore-session no)\n")

    def _command(self, script: str) -> list[str]:
        return [self.program, "-n", "-d", "--batch-interpreter", "python-fu-eval", "-b", script]

    def close(self) -> None:
        self._kill()  # it would ask whether to save

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

    def open(self, title: str) -> None:
        """From the menu: Filters > Venice is the last one in it."""
        self.focus_image()
        self.keys("alt+r", "Up", "Right", *["Down"] * _ROW[title], "Return")
        self.wait_for(title)

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

    def read(self, *words: str) -> str:
        """The text of the window in front that has all these words: Tab leads to it."""
        for _ in range(60):
            text: str = self.marked_text().replace("\u00a0", " ")
            if all(word in text for word in words):
                return text
            self.xdo("key", "Tab")
            time.sleep(0.1)
        raise AssertionError(f"no text with {words}")

    def undo(self) -> None:
        self.focus_image()
        self.keys("ctrl+z")

    def layers(self, image: int) -> list[Any]:
        return list(self.tree(image))
