"""The tests themselves: none of them sees the user or leaves this machine."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest


def test_nothing_of_the_user_is_in_the_environment(home: Path) -> None:
    assert Path.home() == home
    assert os.environ["PYTHON_KEYRING_BACKEND"] == "keyring.backends.null.Keyring"
    ours = {name for name in os.environ if name.startswith(("VENICE_", "OPENAI_"))}
    assert {name for name in ours if not name.startswith(("VENICE_TEST_", "VENICE_CI_"))} == {
        "VENICE_HOME",
        "VENICE_BASE_URL",
    }
    assert all(
        Path(value).is_relative_to(home) for name, value in os.environ.items() if name.startswith("XDG_")
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "example.com", "2001:db8::1", "127.0.0.1.example.com"])
def test_a_connection_beyond_loopback_fails(host: str) -> None:
    with pytest.raises(Exception, match="a test wants to reach"):
        socket.create_connection((host, 9), timeout=0.01)


def test_loopback_can_be_reached() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()[:2], timeout=5),
    ):
        pass
