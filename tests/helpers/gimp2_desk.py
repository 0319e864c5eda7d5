"""A real GIMP 2.10 with a real gimpfu and the plug-in in it: for scripts, or in a window.

Debian's GIMP 2.10 has no Python; /opt/pygimp (see .ci/pygimp) is switched on by a profile.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from gimp2_machine import Gimp2, RealGimp, environment, install_plug_in, use_worker
from screen import Hands, Screen
from support import wait_for

PREFIX = Path("/opt/pygimp")
ACCELERATORS = {"edit": "t", "remove-background": "b", "generate": "g"}  # with Ctrl and Alt
TITLES = {"edit": "Edit with Prompt", "remove-background": "Remove Background", "generate": "Generate Layer"}


def make_profile(folder: Path, sandbox_url: str) -> dict[str, str]:
    """The variables of a GIMP in whose profile are the plug-in and Python-Fu."""
    variables = environment(folder, sandbox_url)
    variables["PYTHONWARNINGS"] = "ignore:Two different plugins"  # of GEGL's, by the hundred
    install_plug_in(folder)
    lines = [
        f'(environ-path "${{gimp_plug_in_dir}}/environ:{PREFIX}/environ")',
        f'(interpreter-path "${{gimp_plug_in_dir}}/interpreters:{PREFIX}/interpreters")',
        "(restore-session no)",
        "(check-updates no)",
    ]
    (folder / "profile/gimprc").write_text("\n".join(lines) + "\n", "utf-8")
    accelerators = [
        f'(gtk_accel_path "<Actions>/plug-in/python-fu-venice-{name}" "<Primary><Alt>{letter}")\n'
        for name, letter in ACCELERATORS.items()
    ]
    (folder / "profile/menurc").write_text("".join(accelerators), "utf-8")
    return variables


class Console:
    """GIMP without a window, which runs scripts and ends."""

    def __init__(self, program: str, folder: Path, sandbox_url: str) -> None:
        self.folder = folder
        self._program = program
        self._variables = make_profile(folder, sandbox_url)

    def run(self, script: str) -> str:
        """What GIMP writes about a Script-Fu script on its standard input."""
        run = subprocess.run(
            [self._program, "-i", "-d", "-f", "-b", "-"],
            input=script + "\n(gimp-quit 0)\n",
            env=self._variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=100,
        )
        (self.folder / "said.txt").write_text(run.stdout, "utf-8")
        return run.stdout


class Desk2(Hands):
    """GIMP in a window; `inside` does what the tests ask of its procedure database, beside it."""

    def __init__(self, screen: Screen, folder: Path, sandbox_url: str, python: str) -> None:
        self._screen = screen
        self.folder, self.home, self.profile = folder, folder / "venice", folder / "profile"
        variables = {**make_profile(folder, sandbox_url), **screen.variables}
        program = shutil.which("gimp-2.10") or "gimp"
        self._gimp = RealGimp(program, folder, ("-n", "-s", "-f"), variables)
        self.inside = Gimp2(self._gimp.address, python, folder / "inside", sandbox_url)
        self._python = python
        self._displays: list[int] = []

    def close(self) -> None:
        self.inside.close()
        self._gimp.close()

    def show(self, image: int) -> None:
        self._displays.append(self.inside.show(image))
        self.focus_image()

    def close_images(self) -> None:
        while self._displays:
            self.inside.close_display(self._displays.pop())
        self.inside.delete_all()

    def use_worker(self, *before: str) -> None:
        use_worker(self.profile / "plug-ins/venice_gimp2", *before)

    def jobs(self) -> list[dict[str, Any]]:
        """The journal's entries, oldest first."""
        return [json.loads(path.read_text("utf-8")) for path in sorted(self.home.glob("jobs/*/job.json"))]

    def open_menu(self) -> None:
        """Filters > Venice, the last but Script-Fu and GIMP's goat; its first entry is chosen."""
        self.focus_image()
        self.keys("alt+r", "Up", "Up", "Up", "Right")

    def open(self, name: str) -> str:
        """gimpfu's window of a procedure."""
        self.focus_image()
        self.keys(f"ctrl+alt+{ACCELERATORS[name]}")
        return self.wait_for(f"python-fu-venice-{name}")

    def accept(self, name: str) -> str:
        """OK in gimpfu's window; our own follows."""
        self.keys("alt+o")
        return self.wait_for(TITLES[name])

    def active_window(self) -> str:
        """The number of the window in front."""
        return self.xdo("getactivewindow")

    def marked_text(self) -> str:
        """What is selected on the screen, wherever."""
        lines = (PREFIX / "environ/pygimp.env").read_text("utf-8").splitlines()
        variables = dict(line.removeprefix(": ").split("=", 1) for line in lines)
        run = subprocess.run(
            [self._python, "-c", "import gtk; print(gtk.clipboard_get('PRIMARY').wait_for_text() or '')"],
            env={**os.environ, **variables, **self._screen.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            check=True,
            timeout=30,
        )
        return run.stdout.replace("\u00a0", " ").strip()

    def read(self, number: str, *words: str) -> str:
        """The paragraph with all these words in a window."""
        return str(wait_for(lambda: self._paragraph(number, words)))

    def _paragraph(self, number: str, words: tuple[str, ...]) -> str:
        """Clicks three times on one line after the other, down to the buttons."""
        lines = self.xdo("getwindowgeometry", "--shell", number).splitlines()
        shape = dict(line.split("=") for line in lines)
        for y in range(22, int(shape["HEIGHT"]) - 60, 17):
            self.xdo("mousemove", "--window", number, str(int(shape["WIDTH"]) // 3), str(y))
            self.xdo("click", "--repeat", "3", "--delay", "40", "1")
            text = self.marked_text()
            if all(word in text for word in words):
                return text
            time.sleep(0.3)  # or the next click would be one of four
        return ""
