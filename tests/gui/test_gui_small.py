"""Small screens: what does not fit is scrolled, by the wheel too, and Send and Cancel stay in sight."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gimp3_machine import find_gimp, until
from gui_desk import EDIT, Desk, missing
from pictures import photo, raw
from screen import Screen
from support import leave_out, posts
from test_gui_edit import keep

from venice_core.sandbox import Sandbox

SCREENS = {"1024 x 768": ((1024, 768), 1, "dark"), "twice the scale": ((1400, 1000), 2, "light")}


@pytest.fixture(params=SCREENS)
def small(
    request: pytest.FixtureRequest, server: Sandbox, tmp_path: Path
) -> Iterator[tuple[Desk, tuple[int, int], int]]:
    """A desk on a small screen, with its size in px and how many of them a point has; in both themes."""
    lacking = missing() if find_gimp() else ["GIMP 3", *missing()]
    if lacking:
        leave_out("gimp3", f"a real window needs {', '.join(lacking)}")
    size, scale, theme = SCREENS[request.param]
    server.reset()
    screen = Screen(size)
    desk = Desk(screen, tmp_path / "desk", server.url, {"GDK_SCALE": str(scale)})
    with (desk.folder / "profile" / "gimprc").open("a") as file:
        file.write(f"(theme-color-scheme {theme})\n")
    try:
        yield desk, size, scale
        keep(desk, f"small-{size[0]}-{theme}")
    finally:
        desk.close()
        screen.close()
        server.reset()


def is_on(widget: dict[str, Any], size: tuple[int, int], scale: int) -> bool:
    x, y, width, height = widget["place"]
    return x >= 0 and y >= 0 and (x + width) * scale <= size[0] and (y + height) * scale <= size[1]


def test_send_and_cancel_stay_with_all_options_and_an_error(
    small: tuple[Desk, tuple[int, int], int], server: Sandbox
) -> None:
    desk, size, scale = small
    image = desk.new_image(600, 400)
    layer = desk.add_layer(image, raw(photo()), name="photo")
    desk.select_layers(image, [layer])
    desk.show(image)
    desk.open(EDIT)
    desk.type("make it pink")
    desk.keys("alt+o")
    server.switch(status=502, times=1)
    desk.keys("ctrl+Return")
    told = desk.wait_told(EDIT, "failed while processing", "may have been charged")
    assert "<" not in told
    for name in ("Send", "Cancel"):
        assert is_on(desk.find(EDIT, name, "button"), size, scale), name
    assert is_on(desk.find(EDIT, "Error", "icon"), size, scale), "the error is brought into sight"
    keep(desk, f"small-error-{size[0]}")

    def shows_the_prompt() -> bool:
        return any(widget["name"].startswith("Prompt:") for widget in desk.seen(EDIT))

    assert not shows_the_prompt(), "else there is nothing to scroll"
    x, y, width, height = desk.find(EDIT, "Resolution", "combo box")["place"]
    desk.xdo("mousemove", str((x + width // 2) * scale), str((y + height // 2) * scale))
    desk.xdo("click", "--repeat", "30", "4")
    until(shows_the_prompt)
    assert desk.entry(EDIT, "Prompt") == "make it pink"
    desk.keys("ctrl+Return")
    desk.wait_gone(EDIT)
    assert len(posts(server)) == 2
