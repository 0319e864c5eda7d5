"""The window of GIMP 2.10 with a toolkit that only takes notes; the real one is in test_gimp2_real.py."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

PATH = Path(__file__).resolve().parents[2] / "plug-ins/venice_gimp2/window2.py"


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("gimp", "gimpfu", "gobject", "gtk", "host2"):
        monkeypatch.setitem(sys.modules, name, MagicMock())
    sys.modules["gtk"].Dialog().add_button.side_effect = lambda *_: MagicMock()
    return runpy.run_path(str(PATH))["_Window"](MagicMock(), MagicMock())


def can_send(window: Any) -> bool:
    (sensitive,) = window._send_button.set_sensitive.call_args.args
    return bool(sensitive)


def test_a_plan_can_still_be_sent_when_the_worker_is_gone(window: Any) -> None:
    session = window._session
    session._lose_plan(MagicMock(message="It did not start."))
    assert not can_send(window), "nothing was shown yet"
    session._take_plan({"key": True, "provider": "venice"})
    assert can_send(window)
    session._lose_plan(MagicMock(message="The worker ended unexpectedly."))
    assert can_send(window), "nothing else here would start another one"
    session._take_plan({"key": False, "provider": "venice"})
    assert not can_send(window)
