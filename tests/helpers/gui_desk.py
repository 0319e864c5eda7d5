"""A real GIMP 3 in a window on a screen of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import screen as screens
from gimp3_machine import Gimp, until
from screen import Hands, Screen

NAMES = ("gimp-3.2", "gimp-3.0", "gimp")
EDIT, GENERATE, REMOVE = "Edit with Prompt", "Generate Layer", "Remove Background"
SETTINGS, UPSCALE = "Venice Settings", "Upscale Layer"
NEW_PROVIDER = "New Provider"  # from the settings
MESSAGE = "GIMP Message"
# Where they are in Filters > Venice: by their labels.
_ROW = {EDIT: 0, GENERATE: 1, REMOVE: 2, SETTINGS: 3, UPSCALE: 4}


def missing() -> list[str]:
    """What this computer lacks for a real window of GIMP 3, and to see what is in it."""
    lacking = screens.missing()
    if shutil.which("dbus-daemon") is None:
        lacking.append("dbus-daemon")
    asks = "import gi; gi.require_version('Atspi', '2.0')"
    if subprocess.run(["/usr/bin/python3", "-c", asks], capture_output=True, check=False).returncode:
        lacking.append("AT-SPI (at-spi2-core, gir1.2-atspi-2.0)")
    return lacking


class Bus:
    """A message bus of its own, over which assistive technology sees what is in windows."""

    def __init__(self, screen: Screen) -> None:
        self._daemon = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1"],
            env={"PATH": os.environ["PATH"], **screen.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._daemon.stdout is not None
        self.address = self._daemon.stdout.readline().strip()

    def close(self) -> None:
        self._daemon.terminate()
        self._daemon.wait(10)


class Desk(Hands, Gimp):
    """As `Gimp`, with a window; functions of `gimp3_inside` go on working beside it.

    What is in windows is found by its name, as assistive technology does, and clicked with the mouse.
    """

    def __init__(
        self, screen: Screen, folder: Path, sandbox_url: str, variables: Mapping[str, str] | None = None
    ) -> None:
        program = next(path for name in NAMES if (path := shutil.which(name)))
        super().__init__(program, folder, sandbox_url, variables)
        self._screen = screen
        self._bus = Bus(screen)
        self._variables |= {**screen.variables, "DBUS_SESSION_BUS_ADDRESS": self._bus.address}
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
        self._bus.close()

    def open(self, title: str) -> None:
        """From the menu: Filters > Venice is the last one in it."""
        self.focus_image()
        self.keys("alt+r", "Up", "Right", *["Down"] * _ROW[title], "Return")
        self.wait_for(title)

    def seen(self, title: str) -> list[dict[str, Any]]:
        """What shows in a window: `role`, `name`, `text`, `about` (its tooltip), `place`, `states`."""
        return [widget for widget in self.widgets(title) if "showing" in widget["states"]]

    def find(self, title: str, name: str, role: str = "") -> dict[str, Any]:
        """Waits until it is there and rests; `name` may be the beginning of a longer one."""

        def found() -> Any:
            named = [widget for widget in self.seen(title) if widget["name"].startswith(name)]
            return next((widget for widget in named if role in ("", widget["role"])), None)

        def resting() -> Any:
            widget = until(found)
            time.sleep(0.2)
            return widget if found() == widget else None

        widget: dict[str, Any] = until(resting)
        return widget

    def click(self, title: str, name: str, role: str = "") -> None:
        self.press(self.find(title, name, role))

    def press(self, widget: dict[str, Any], *, at_its_end: bool = False) -> None:
        """A click in its middle, at a fold's title, or at the arrow of a list."""
        self.point_at(widget, at_its_end=at_its_end)
        self.xdo("click", "1")
        time.sleep(0.3)

    def point_at(self, widget: dict[str, Any], *, at_its_end: bool = False) -> None:
        x, y, width, height = widget["place"]
        if widget["role"] == "toggle button":  # a fold: behind its title nothing can be clicked
            width, height = min(width, 60), 16
        self.xdo("mousemove", str(x + (width - 12 if at_its_end else width // 2)), str(y + height // 2))
        time.sleep(0.2)

    def pick(self, title: str, name: str, row: str) -> None:
        """Opens a list by its arrow and clicks a row."""
        self.press(self.find(title, name, "combo box"), at_its_end=True)
        self.click(title, row, "menu item")

    def entry(self, title: str, name: str) -> str:
        """What stands in a field or list."""
        return str(self.find(title, name, "text")["text"])

    def told(self, title: str) -> str:
        """All the sentences in a window."""
        labels = [widget["name"] for widget in self.seen(title) if widget["role"] == "label"]
        return "\n".join(labels).replace("\u00a0", " ")

    def wait_told(self, title: str, *words: str) -> str:
        """Waits until a window says all of these words."""
        until(lambda: all(word in self.told(title) for word in words))
        return self.told(title)

    def read(self, *words: str) -> str:
        """The text of the window in front that has all these words: Tab leads to it."""
        for _ in range(60):
            text: str = self.marked_text().replace("\u00a0", " ")
            if all(word in text for word in words):
                return text
            self.xdo("key", "Tab")
            time.sleep(0.1)
        raise AssertionError(f"no text with {words}")

    def dismiss_message(self) -> None:
        """What GIMP says in a window of its own."""
        self.wait_for(MESSAGE)
        self.keys("Return")
        self.wait_gone(MESSAGE)

    def undo(self) -> None:
        self.focus_image()
        self.keys("ctrl+z")

    def layers(self, image: int) -> list[Any]:
        return list(self.tree(image))
