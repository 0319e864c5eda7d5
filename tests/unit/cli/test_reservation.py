"""A name that is taken before its file is there: by one at a time, and by nobody who is gone."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from venice_core.cli.reservation import Reservation, lock_of

REPO = Path(__file__).resolve().parents[3]
HOLD = """
import sys, time
from pathlib import Path
from venice_core.cli.reservation import Reservation
held = Reservation.of(Path(sys.argv[1]))
print("held" if held else "taken", flush=True)
time.sleep(60)
"""


def holder(path: Path) -> subprocess.Popen[str]:
    """A process that has tried to reserve `path`, and said so."""
    env = {**os.environ, "PYTHONPATH": str(REPO)}
    command = [sys.executable, "-c", HOLD, str(path)]
    return subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = holder(tmp_path / "out.png")
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def take(path: Path) -> Reservation:
    found = Reservation.of(path)
    assert found is not None
    return found


def test_a_name_is_one_persons_until_it_is_released(tmp_path: Path) -> None:
    held = take(tmp_path / "out.png")
    assert Reservation.of(tmp_path / "out.png") is None
    take(tmp_path / "other.png").release()
    held.release()
    take(tmp_path / "out.png").release()
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_the_file_itself_is_neither_made_nor_touched(tmp_path: Path) -> None:
    (tmp_path / "old.png").write_bytes(b"earlier")
    for name in ("new.png", "old.png"):
        held = take(tmp_path / name)
        assert not (tmp_path / "new.png").exists()
        held.release()
    assert (tmp_path / "old.png").read_bytes() == b"earlier"


def test_another_process_has_it(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    assert Reservation.of(tmp_path / "out.png") is None


@pytest.mark.skipif(os.name != "posix", reason="it is killed by a POSIX signal")
def test_one_that_was_killed_is_in_nobodys_way(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert lock_of(tmp_path / "out.png").stat().st_size == 0
    held = take(tmp_path / "out.png")
    assert Reservation.of(tmp_path / "out.png") is None
    held.release()
    assert list(tmp_path.iterdir()) == []


def test_every_spelling_of_a_path_is_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "out.png").write_bytes(b"")
    (tmp_path / "link.png").symlink_to("out.png")
    (tmp_path / "elsewhere").symlink_to("folder")
    monkeypatch.chdir(tmp_path)
    held = [take(tmp_path / "out.png"), take(tmp_path / "folder" / "out.png")]
    for spelling in ("out.png", "./folder/../out.png", "link.png", "elsewhere/out.png"):
        assert Reservation.of(Path(spelling)) is None, spelling
    for each in held:
        each.release()


def test_a_lock_that_was_taken_away_in_between_is_not_taken_for_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opened, then released by its holder and taken by a third, then locked."""
    before = [take(tmp_path / "out.png")]
    third: list[Reservation] = []
    real = os.open

    def slow(path: Path, *more: int) -> int:
        handle = real(path, *more)
        if before:
            before.pop().release()
            third.append(take(tmp_path / "out.png"))
        return handle

    monkeypatch.setattr(os, "open", slow)
    assert Reservation.of(tmp_path / "out.png") is None
    third.pop().release()


def test_many_at_once_never_hold_it_together(tmp_path: Path) -> None:
    holders: list[int] = []
    together: list[int] = []

    def contend() -> None:
        for _ in range(200):
            held = Reservation.of(tmp_path / "out.png")
            if held is not None:
                holders.append(1)
                together.append(len(holders))
                holders.pop()
                held.release()

    threads = [threading.Thread(target=contend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(together) == {1}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="it is another call there")
def test_where_the_disk_knows_no_locks_the_first_one_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", unsupported)
    held = take(tmp_path / "out.png")
    assert Reservation.of(tmp_path / "out.png") is None
    held.release()
    take(tmp_path / "out.png").release()


def test_a_name_may_be_as_long_as_the_disk_allows(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 251 + ".png")
    held = take(path)
    assert Reservation.of(path) is None
    assert Reservation.of(tmp_path / ("y" * 251 + ".png")) is not None
    held.release()
    assert list(tmp_path.glob(".x*")) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_the_lock_that_another_user_left_is_no_error(mode: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        check_lock_of_root(Path(name) / "x.png", mode)


def check_lock_of_root(path: Path, mode: int) -> None:
    path.parent.chmod(0o1777)
    lock_of(path).touch()
    lock_of(path).chmod(mode)
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        try:
            found = Reservation.of(path)
            os._exit(0 if (found is not None) == (mode == 0o644) else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_where_nothing_can_be_made_the_reason_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Reservation.of(tmp_path / "none" / "out.png")


def test_nothing_stays_open(tmp_path: Path) -> None:
    opened = Path("/proc/self/fd")
    if not opened.is_dir():
        pytest.skip("there is no list of open files here")
    before = len(list(opened.iterdir()))
    held = take(tmp_path / "out.png")
    for _ in range(5):
        assert Reservation.of(tmp_path / "out.png") is None
    held.release()
    assert len(list(opened.iterdir())) == before
