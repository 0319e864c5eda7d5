"""A GIMP 3 without a display, kept running, that does what tests ask; and the worker's folders.

GIMP runs with a profile, home and temporary folder of its own, in which the plug-in lies as the
installer would leave it; its worker is this interpreter on this checkout.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

import support
from support import KEY, worker_command

REPO = Path(__file__).resolve().parents[2]
NAMES = ("gimp-console-3.2", "gimp-console-3.0", "gimp-console")
START_SECONDS, CALL_SECONDS = 120.0, 120.0


class GimpError(Exception):
    """GIMP could not do what a test asked, or ended."""


def find_gimp() -> str | None:
    """The console GIMP 3 of this computer."""
    return support.find_gimp(NAMES, "3.")


def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What `condition` returns, as soon as that is true of it; fails when it takes longer."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(0.02)
    return value


def services(names: Iterable[str], url_for: Callable[[str], str]) -> dict[str, str]:
    """The variables that give these built-in profiles their addresses, and each a key of its own."""
    variables: dict[str, str] = {}
    for name in names:
        stem = name.replace("-", "_").upper()
        variables |= {f"{stem}_BASE_URL": url_for(name), f"{stem}_API_KEY": f"{name}-key-0123456789"}
    return variables


class Gimp:
    """Functions of `gimp3_inside` by name: `gimp.visible(image)`; `gimp.begin(...)` does not wait.

    `variables`: of the environment, beside those that every test needs.
    """

    def __init__(
        self, program: str, folder: Path, sandbox_url: str, variables: Mapping[str, str] | None = None
    ) -> None:
        self.program = program
        self.folder = folder
        self.home, self.temporary = folder / "venice", folder / "tmp"
        self.version = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._wire: Connection | None = None
        self._second_wire: Connection | None = None
        self._plug_in = folder / "profile" / "plug-ins" / "venice_gimp3"
        self._variables = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(folder / "home"),
            "XDG_CONFIG_HOME": str(folder / "home" / "config"),
            "XDG_DATA_HOME": str(folder / "home" / "data"),
            "XDG_CACHE_HOME": str(folder / "home" / "cache"),
            "XDG_STATE_HOME": str(folder / "home" / "state"),
            "TMPDIR": str(self.temporary),
            "GIMP3_DIRECTORY": str(folder / "profile"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "VENICE_HOME": str(self.home),
            "VENICE_BASE_URL": sandbox_url,
            "VENICE_API_KEY": KEY,
            "TEST_MODULES": str(Path(__file__).parent),
            "TEST_SECOND_HAND": str(folder / "second-wire"),
            **(variables or {}),
        }
        self._install()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*arguments: Any, **named: Any) -> Any:
            return self._call(name, arguments, named)

        return call

    def begin(self, name: str, *arguments: Any, **named: Any) -> Future[Any]:
        """As a call by name, which goes on while the test does something else."""
        future: Future[Any] = Future()

        def work() -> None:
            try:
                future.set_result(self._call(name, arguments, named))
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=work, daemon=True).start()
        return future

    def meanwhile(self, name: str, *arguments: Any, **named: Any) -> Any:
        """As a call by name, done by another plug-in while the first is busy."""
        assert self._second_wire is not None
        return _ask(self._second_wire, name, arguments, named)

    def use_worker(self, *before: str) -> None:
        """How the plug-in starts the worker: words such as `/usr/bin/env -u NAME` may stand before."""
        (self._plug_in / "worker.json").write_text(json.dumps({"command": worker_command(*before)}))

    def plug_in_pid(self) -> int | None:
        """The running plug-in's process."""
        assert self._process is not None
        return _child(self._process.pid, str(self._plug_in))

    def worker_pid(self) -> int | None:
        """The process of its worker."""
        plug_in = self.plug_in_pid()
        return _child(plug_in, "venice_core.cli.main") if plug_in else None

    def close(self) -> None:
        process, self._process = self._process, None
        for wire in (self._wire, self._second_wire):
            if wire is not None:
                wire.close()
        self._wire = self._second_wire = None
        if process is not None:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def log(self) -> str:
        """What GIMP and its plug-ins printed."""
        path = self.folder / "gimp.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def _call(self, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if self._wire is None:
            self._start()
        assert self._wire is not None
        try:
            return _ask(self._wire, name, arguments, named)
        except (EOFError, OSError) as error:
            self._kill()
            raise GimpError(f"GIMP ended during {name}: {error}\n{self.log()[-3000:]}") from error

    def _install(self) -> None:
        self._plug_in.mkdir(parents=True)
        for folder in ("venice_gimp3", "shared"):
            for path in (REPO / "plug-ins" / folder).glob("*.py"):
                shutil.copy(path, self._plug_in)
        (self._plug_in / "venice_gimp3.py").chmod(0o755)
        self.use_worker()
        second_hand = self._plug_in.parent / "second_hand" / "second_hand.py"
        second_hand.parent.mkdir()
        shutil.copy(Path(__file__).with_name("gimp3_second_hand.py"), second_hand)
        second_hand.chmod(0o755)
        self._leave_out_other_plug_ins()
        self.temporary.mkdir()
        (self.folder / "home").mkdir()

    def _leave_out_other_plug_ins(self) -> None:
        """GIMP starts in 3 s instead of 20; without its own plug-in for batches it could do nothing."""
        prefix = Path(self.program).resolve().parents[1]
        own = next(prefix.glob("lib*/**/gimp/3.0/plug-ins/python-eval"), None)
        if own is not None:
            shutil.copytree(own, self._plug_in.parent / "python-eval")
            settings = '(plug-in-path "${gimp_dir}/plug-ins")\n'
            (self.folder / "profile" / "gimprc").write_text(settings)

    def _start(self) -> None:
        addresses = str(self.folder / "wire"), self._variables["TEST_SECOND_HAND"]
        for address in addresses:
            Path(address).unlink(missing_ok=True)
        script = (
            f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
            f"import gimp3_inside; gimp3_inside.serve({addresses[0]!r})\n"
        )
        with (
            Listener(addresses[0], "AF_UNIX") as first,
            Listener(addresses[1], "AF_UNIX") as second,
            (self.folder / "gimp.log").open("ab") as log,
        ):
            self._process = subprocess.Popen(
                self._command(script),
                env=self._variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                self._wire, self._second_wire = _accept(first), _accept(second)
                self.version = self._wire.recv()
                self._second_wire.recv()
            except (OSError, EOFError) as error:
                self._kill()
                raise GimpError(f"GIMP did not start: {error}\n{self.log()[-3000:]}") from error

    def _command(self, script: str) -> list[str]:
        # without -f: text layers need fonts
        return [self.program, "-i", "-d", "--batch-interpreter", "python-fu-eval", "-b", script, "--quit"]

    def _kill(self) -> None:
        """GIMP and the plug-ins it runs, not the workers: they have sessions of their own."""
        self._wire = self._second_wire = None
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _ask(wire: Connection, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    wire.send((name, arguments, named))
    if not wire.poll(CALL_SECONDS):
        raise TimeoutError(f"no answer in {CALL_SECONDS} s")
    good, value = wire.recv()
    if not good:
        raise GimpError(value)
    return value


def _accept(listener: Listener) -> Connection:
    listener._listener._socket.settimeout(START_SECONDS)  # type: ignore[attr-defined]
    return listener.accept()


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _child(parent: int, words: str) -> int | None:
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            above = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if above == parent and words in (folder / "cmdline").read_text().replace("\0", " "):
                return int(folder.name)
    return None
