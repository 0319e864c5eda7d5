"""A real GIMP 3 in a window on a screen of its own."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gimp3_machine import Gimp
from screen import Hands, Screen

NAMES = ("gimp-3.2", "gimp-3.0", "gimp")
EDIT, GENERATE, REMOVE = "Edit with Prompt", "Generate Layer", "Remove Background"
SETTINGS, UPSCALE = "Venice Settings", "Upscale Layer"
NEW_PROVIDER = "New Provider"  # from the settings
# Where they are in Filters > Venice: by their labels.
_ROW = {EDIT: 0, GENERATE: 1, REMOVE: 2, SETTINGS: 3, UPSCALE: 4}


class Desk(Hands, Gimp):
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

    def open(self, title: str) -> None:
        """From the menu: Filters > Venice is the last one in it."""
        self.focus_image()
        self.keys("alt+r", "Up", "Right", *["Down"] * _ROW[title], "Return")
        self.wait_for(title)

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
