"""Makes the README's picture: the window over a photograph in a real GIMP, on a screen of its own.

  PYTHONPATH=. python tests/gui/window_picture.py docs/images/window.png

with the Python of the tests' environment, where GIMP 3, Xvfb, xauth, openbox and xdotool are installed. The
photograph is scikit-image's “coffee” (Rachel Michetti, CC0).
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPO), str(REPO / "tests" / "helpers")]

from gui_desk import EDIT, Desk
from pictures import photo, raw
from screen import Screen

from venice_core.sandbox import Sandbox


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, Sandbox() as server:
        screen = Screen()
        desk = Desk(screen, Path(folder), server.url)
        try:
            image = desk.new_image(800, 533)
            desk.add_layer(image, raw(photo("coffee", 800, 533)), name="coffee")
            desk.select(image, (508, 70, 84, 120), feather=8.0)
            desk.show(image)
            desk.open(EDIT)
            desk.type("remove the spoon")
            window = desk.window(EDIT)
            desk.xdo("windowmove", window, "420", "400")
            time.sleep(1.5)
            desk.look(target)
        finally:
            desk.close()
            screen.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
