"""Folders, settings, and where the key comes from."""

from __future__ import annotations

import copy
import json
import os
import pickle
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import keyring.backends.null
import keyring.errors
import pytest
from keyring.backend import KeyringBackend

from venice_core.errors import BadInput
from venice_core.secret import Secret
from venice_core.storage.atomic_files import check_writable, write_atomically
from venice_core.storage.folders import Folders
from venice_core.storage.keys import KEYRING_SECONDS, KeyStore
from venice_core.storage.settings import Settings, provider_name

KEY = "vk-0123456789abcdef"
posix = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")


class MemoryKeyring(KeyringBackend):
    """A working keyring."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise keyring.errors.PasswordDeleteError


class HangingKeyring(MemoryKeyring):
    """Waits for somebody to unlock it, until the test is over."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.over.wait(60)
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        self.over.wait(60)


class FailingKeyring(MemoryKeyring):
    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError("no D-Bus")

    set_password = delete_password = get_password  # type: ignore[assignment]


@pytest.fixture
def use(home: Path) -> Iterator[Any]:
    before = keyring.get_keyring()
    used: list[KeyringBackend] = []

    def set_keyring(backend: KeyringBackend) -> KeyringBackend:
        used.append(backend)
        keyring.set_keyring(backend)
        return backend

    yield set_keyring
    for backend in used:
        if isinstance(backend, HangingKeyring):
            backend.over.set()
    keyring.set_keyring(before)


# Secrets


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret(KEY)
    assert secret.reveal() == KEY
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", repr([secret])]
    assert not any(KEY in text for text in shown)
    with pytest.raises(TypeError) as caught:
        json.dumps({"key": secret})
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("keep", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_is_not_written_anywhere(keep: Any) -> None:
    with pytest.raises(TypeError) as caught:
        keep(Secret(KEY))
    assert KEY not in str(caught.value)


def test_a_secret_is_taken_out_of_a_servers_words() -> None:
    assert Secret(KEY).scrub(f"bad key {KEY}!") == "bad key ***!"
    assert Secret("").scrub("words") == "words"
    assert not Secret("")
    assert Secret(KEY)


# Where the key comes from


def test_the_environment_wins_over_the_keyring_and_that_over_the_file(tmp_path: Path, use: Any) -> None:
    ring = use(MemoryKeyring())
    file = tmp_path / "keys.json"

    def found(env: dict[str, str]) -> tuple[str, str]:
        secret, source = KeyStore(tmp_path, env).find("venice", "VENICE_API_KEY")
        return secret.reveal(), source

    assert found({}) == ("", "")
    file.write_text(json.dumps({"venice": "from-file"}))
    assert found({}) == ("from-file", "file")
    ring.kept["venice-gimp", "venice"] = "from-ring"
    assert found({}) == ("from-ring", "keyring")
    assert found({"VENICE_API_KEY": "  "}) == ("from-ring", "keyring")
    assert found({"VENICE_API_KEY": " from-env\n"}) == ("from-env", "environment")


def test_every_provider_has_a_key_of_its_own(tmp_path: Path, use: Any) -> None:
    use(FailingKeyring())
    env = {"VENICE_API_KEY": "v", "OPENAI_API_KEY": "o"}
    assert KeyStore(tmp_path, env).find("openai", "OPENAI_API_KEY")[0].reveal() == "o"
    assert not KeyStore(tmp_path, env).find("other", "")[0]
    store = KeyStore(tmp_path, {})
    store.store("venice", Secret("one"))
    store.store("openai", Secret("two"))
    assert store.find("venice", "VENICE_API_KEY")[0].reveal() == "one"
    assert store.find("openai", "OPENAI_API_KEY")[0].reveal() == "two"


def test_a_working_keyring_keeps_the_key_and_no_file_does(tmp_path: Path, use: Any) -> None:
    use(FailingKeyring())
    store = KeyStore(tmp_path, {})
    assert store.store("venice", Secret("old")) == "file"
    ring = use(MemoryKeyring())
    assert store.store("venice", Secret(KEY)) == "keyring"
    assert ring.kept == {("venice-gimp", "venice"): KEY}
    assert "old" not in store.path.read_text()
    assert store.find("venice", "VENICE_API_KEY")[1] == "keyring"


@pytest.mark.parametrize("backend", [FailingKeyring, keyring.backends.null.Keyring])
def test_without_a_working_keyring_a_file_keeps_it(tmp_path: Path, use: Any, backend: Any) -> None:
    use(backend())
    store = KeyStore(tmp_path / "new", {})
    assert store.store("venice", Secret(f" {KEY}\n")) == "file"
    secret, source = store.find("venice", "VENICE_API_KEY")
    assert (secret.reveal(), source) == (KEY, "file")


@posix
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_key_file_is_the_owners_alone(tmp_path: Path, use: Any, umask: int) -> None:
    use(FailingKeyring())
    before = os.umask(umask)
    try:
        store = KeyStore(tmp_path / "venice", {})
        store.store("venice", Secret(KEY))
        store.store("openai", Secret(KEY))
    finally:
        os.umask(before)
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700 & ~umask
    assert [path.name for path in store.path.parent.iterdir()] == ["keys.json"]


@posix
def test_a_key_file_that_others_could_read_becomes_private(tmp_path: Path, use: Any) -> None:
    use(FailingKeyring())
    (tmp_path / "keys.json").write_text("{}")
    (tmp_path / "keys.json").chmod(0o644)
    KeyStore(tmp_path, {}).store("venice", Secret(KEY))
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("backend", [MemoryKeyring, FailingKeyring])
def test_an_empty_key_forgets_the_one_kept(tmp_path: Path, use: Any, backend: Any) -> None:
    use(backend())
    store = KeyStore(tmp_path, {})
    store.store("venice", Secret(KEY))
    store.store("venice", Secret(""))
    secret, source = store.find("venice", "VENICE_API_KEY")
    assert not secret
    assert source == ""
    store.store("venice", Secret(""))


def test_a_keyring_that_hangs_is_waited_for_three_seconds(tmp_path: Path, use: Any) -> None:
    use(HangingKeyring())
    (tmp_path / "keys.json").write_text(json.dumps({"venice": KEY}))
    begin = time.monotonic()
    secret, source = KeyStore(tmp_path, {}).find("venice", "VENICE_API_KEY")
    assert KEYRING_SECONDS <= time.monotonic() - begin < KEYRING_SECONDS + 2
    assert (secret.reveal(), source) == (KEY, "file")
    assert KEYRING_SECONDS == 3


def test_the_environment_asks_no_keyring(tmp_path: Path, use: Any) -> None:
    use(HangingKeyring())
    begin = time.monotonic()
    assert KeyStore(tmp_path, {"VENICE_API_KEY": KEY}).find("venice", "VENICE_API_KEY")[0]
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '"text"', '{"venice": null}', '{"venice": {"a": 1}}', '{"venice": 7}', "\0\xff"],
)
def test_a_corrupt_key_file_holds_no_key_and_can_be_replaced(tmp_path: Path, use: Any, text: str) -> None:
    use(FailingKeyring())
    (tmp_path / "keys.json").write_bytes(text.encode("latin-1"))
    store = KeyStore(tmp_path, {})
    assert store.find("venice", "VENICE_API_KEY")[1] == ""
    assert not store.find("venice", "VENICE_API_KEY")[0]
    store.store("venice", Secret(KEY))
    assert store.find("venice", "VENICE_API_KEY")[0].reveal() == KEY


# Folders


def test_venice_home_holds_everything(tmp_path: Path) -> None:
    folders = Folders.of({"VENICE_HOME": str(tmp_path / "not" / "yet")})
    assert all(path.is_relative_to(tmp_path / "not" / "yet") for path in vars(folders).values())
    assert not (tmp_path / "not").exists(), "a folder was made before anything was written"


def test_without_it_or_empty_they_are_the_users(home: Path) -> None:
    assert Folders.of({}) == Folders.of({"VENICE_HOME": ""})
    assert all(path.is_relative_to(home) for path in vars(Folders.of({})).values())
    assert len(set(vars(Folders.of({})).values())) == 5


def test_venice_home_may_be_relative_or_begin_with_a_tilde(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Folders.of({"VENICE_HOME": "here"}).jobs == tmp_path / "here" / "jobs"
    assert Folders.of({"VENICE_HOME": "~/here"}).jobs == home / "here" / "jobs"


def test_venice_home_may_change_between_two_runs(tmp_path: Path, use: Any) -> None:
    use(FailingKeyring())
    one, two = (Folders.of({"VENICE_HOME": str(tmp_path / name)}) for name in "ab")
    KeyStore(one.settings, {}).store("venice", Secret(KEY))
    Settings(one.settings).update(provider="sandbox")
    assert not KeyStore(two.settings, {}).find("venice", "VENICE_API_KEY")[0]
    assert Settings(two.settings).read() == {}
    assert Settings(one.settings).read() == {"provider": "sandbox"}


# The settings file


def test_what_is_not_known_stays_in_the_settings(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    settings.update(provider="venice", later={"a": 1})
    settings.update(provider="sandbox")
    assert settings.read() == {"provider": "sandbox", "later": {"a": 1}}


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"\xff\xfe", b"null"])
def test_a_corrupt_settings_file_is_named_and_kept(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "settings.json").write_bytes(data)
    with pytest.raises(BadInput, match=r"settings\.json"):
        Settings(tmp_path).read()
    with pytest.raises(BadInput):
        Settings(tmp_path).update(provider="sandbox")
    assert (tmp_path / "settings.json").read_bytes() == data


@pytest.mark.parametrize(
    ("wish", "env", "stored", "name"),
    [
        ("", {}, None, "venice"),
        ("", {}, "sandbox", "sandbox"),
        ("", {"VENICE_PROVIDER": "openai"}, "sandbox", "openai"),
        ("venice", {"VENICE_PROVIDER": "openai"}, "sandbox", "venice"),
        ("", {"VENICE_PROVIDER": ""}, "", "venice"),
    ],
)
def test_the_provider_is_the_one_asked_for_the_environments_or_the_settings(
    tmp_path: Path, wish: str, env: dict[str, str], stored: str | None, name: str
) -> None:
    settings = Settings(tmp_path)
    if stored is not None:
        settings.update(provider=stored)
    assert provider_name(wish, env, settings) == name


# What may be spent in a day


@pytest.mark.parametrize("limit", [0, 0.5, 10, 99.99, 999_999_999])
def test_a_days_limit_is_kept_and_can_be_taken_away(tmp_path: Path, limit: float) -> None:
    settings = Settings(tmp_path)
    assert settings.daily_limit is None
    settings.update(provider="sandbox")
    settings.set_daily_limit(limit)
    assert settings.daily_limit == limit
    assert isinstance(settings.daily_limit, float)
    settings.set_daily_limit(None)
    assert settings.daily_limit is None
    assert settings.read()["provider"] == "sandbox"


ODD_LIMITS = [-1, -0.01, 1e9, float("nan"), float("inf"), "10", "", True, [10], {"usd": 10}]


@pytest.mark.parametrize("limit", ODD_LIMITS)
def test_what_is_no_amount_is_refused_and_the_earlier_limit_stays(tmp_path: Path, limit: Any) -> None:
    settings = Settings(tmp_path)
    settings.set_daily_limit(3)
    with pytest.raises(BadInput, match="amount in US dollars"):
        settings.set_daily_limit(limit)
    assert settings.daily_limit == 3


@pytest.mark.parametrize("limit", ODD_LIMITS)
def test_a_limit_in_the_file_that_is_none_is_named_and_not_taken_for_no_limit(
    tmp_path: Path, limit: Any
) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({"daily_limit_usd": limit}))
    with pytest.raises(BadInput, match=r"daily_limit_usd in .*settings\.json"):
        _ = Settings(tmp_path).daily_limit


# Atomic writes


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "file"
    write_atomically(target, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_bytes_are_on_the_disk_before_the_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: order.append("fsync") or sync(fd))  # type: ignore[func-returns-value]

    def renamed(self: Path, target: Path) -> Path:
        order.append("rename")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", renamed)
    write_atomically(tmp_path / "file", b"x")
    assert order[:2] == ["fsync", "rename"]


@posix
def test_a_file_for_people_has_the_usual_mode(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "public", b"", private=False)
        write_atomically(tmp_path / "private", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "public").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o600
    assert sys.platform != "win32"


# Links


@posix
@pytest.mark.parametrize("name", ["settings.json", "keys.json"])
@pytest.mark.parametrize("there", [True, False])
def test_what_a_link_leads_to_is_written(tmp_path: Path, name: str, there: bool) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "dotfiles"
    home.mkdir()
    elsewhere.mkdir()
    target = elsewhere / "kept.json"
    if there:
        target.write_text("{}")
    (home / "between").symlink_to(target)
    (home / name).symlink_to("between")
    if name == "settings.json":
        Settings(home).update(provider="sandbox")
        assert json.loads(target.read_text()) == {"provider": "sandbox"}
    else:
        KeyStore(home, {}).store("venice", Secret("a-key"))
        assert json.loads(target.read_text()) == {"venice": "a-key"}
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert (home / name).is_symlink()
    assert (home / "between").is_symlink()
    assert sorted(path.name for path in elsewhere.iterdir()) == ["kept.json"]


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write anywhere")
def test_a_link_into_a_folder_that_is_read_only_is_said_in_plain_words(tmp_path: Path) -> None:
    home, store = tmp_path / "home", tmp_path / "store"
    home.mkdir()
    store.mkdir()
    (store / "settings.json").write_text("{}")
    (home / "settings.json").symlink_to(store / "settings.json")
    store.chmod(0o500)
    try:
        with pytest.raises(BadInput, match="cannot be written: Permission denied"):
            Settings(home).update(provider="sandbox")
    finally:
        store.chmod(0o700)


def test_settings_that_cannot_be_written_are_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="cannot be written: No space left"):
        Settings(tmp_path).update(provider="sandbox")


@posix
def test_a_file_for_people_keeps_the_mode_of_what_it_replaces(tmp_path: Path) -> None:
    target = tmp_path / "picture.png"
    target.write_bytes(b"old")
    target.chmod(0o664)
    write_atomically(target, b"new", private=False)
    assert stat.S_IMODE(target.stat().st_mode) == 0o664
    linked = tmp_path / "link.png"
    linked.symlink_to("picture.png")
    write_atomically(linked, b"newer", private=False)
    assert (linked.is_symlink(), target.read_bytes()) == (True, b"newer")


def test_a_name_may_be_as_long_as_names_can_be(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 251 + ".png")
    check_writable(target)
    write_atomically(target, b"whole")
    assert target.read_bytes() == b"whole"
