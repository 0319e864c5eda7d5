"""The screens of the tests themselves: each is one of its own, and nobody else's hands reach it."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import screen as screens
from screen import Hands, Screen, missing
from support import leave_out, wait_for

LISTENER = """
import gi
gi.require_version("Gtk", "3.0")
from gi.repository import Gtk
window = Gtk.Window(title="Listener")
window.connect("key-press-event", lambda _, key: print(key.string, end="", flush=True))
window.show_all()
Gtk.main()
"""


class Somebody(Hands):
    """In front of a screen, or who only knows its name."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen


@pytest.fixture
def two() -> Iterator[list[Screen]]:
    """Made at the same time."""
    if lacking := missing():
        leave_out("gimp3", f"a screen needs {', '.join(lacking)}")
    with ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda _: Screen(), range(2)))
    yield made
    for each in made:
        each.close()


def test_a_key_typed_on_one_screen_does_not_arrive_on_another(two: list[Screen], tmp_path: Path) -> None:
    heard = [tmp_path / "one", tmp_path / "other"]
    listeners = []
    for screen, path in zip(two, heard, strict=True):
        with path.open("w") as file:
            command = ["/usr/bin/python3", "-c", LISTENER]
            listeners.append(subprocess.Popen(command, env={**os.environ, **screen.variables}, stdout=file))
    one, other = map(Somebody, two)
    try:
        for each in (one, other):
            each.wait_for("Listener")
        one.type("this one")
        other.type("the other")
        wait_for(lambda: [path.read_text() for path in heard] == ["this one", "the other"])
        other.xdo("mousemove", "7", "9")
        assert not one.xdo("getmouselocation").startswith("x:7 y:9 ")
        assert other.xdo("getmouselocation").startswith("x:7 y:9 ")
    finally:
        for process in listeners:
            process.kill()
            process.wait()


def test_nobody_gets_in_without_the_cookie(two: list[Screen]) -> None:
    one, other = two
    assert Somebody(one).xdo("getmouselocation").startswith("x:")
    for authority in (other.variables["XAUTHORITY"], os.devnull):
        stranger = subprocess.run(
            ["xdotool", "getmouselocation"],
            env={**os.environ, "DISPLAY": one.name, "XAUTHORITY": authority},
            capture_output=True,
            text=True,
            check=False,
        )
        assert stranger.returncode != 0, stranger.stdout
    assert Path(one.variables["XAUTHORITY"]).stat().st_mode & 0o077 == 0


def test_a_number_that_somebody_uses_is_left_alone(
    two: list[Screen], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there is no lock, as of servers that choose their number, or an abstract socket only."""
    last = Screen()
    last.close()
    free, locked = (int(each.name[1:]) for each in (last, two[0]))
    path = f"/tmp/.X11-unix/X{free + 1}"
    with socket.socket(socket.AF_UNIX) as without_lock, socket.socket(socket.AF_UNIX) as elsewhere:
        for listener, address in ((without_lock, path), (elsewhere, f"\0/tmp/.X11-unix/X{free + 2}")):
            listener.bind(address)
            listener.listen()
        monkeypatch.setattr(screens, "NUMBERS", [locked, free + 1, free + 2])
        with pytest.raises(AssertionError, match="no X server"):
            Screen()
        monkeypatch.setattr(screens, "NUMBERS", [locked, free + 1, free + 2, free])
        another = Screen()
        another.close()
        assert another.name == last.name
        assert Path(path).is_socket()
    Path(path).unlink()
    assert Somebody(two[0]).xdo("getmouselocation").startswith("x:")
