"""The plug-in for GIMP 2.10 in a process of its own, with gimpfu's stand-ins over one of two backends.

That process is Python 2.7 where there is one, else this interpreter. It, and the real GIMP 2.10 where that is
the backend, have a home and a temporary folder of their own; the worker is this interpreter on this checkout.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import support
from PIL import Image
from support import KEY, wait_for, worker_command

HERE = Path(__file__).parent
REPO = HERE.parents[1]
STUBS = HERE.parent / "gimpfu_stubs"
NAMES = ("gimp-console-2.10", "gimp-console")
CALL_SECONDS = 120.0

Array = npt.NDArray[np.uint8]


class GimpError(Exception):
    """GIMP could not do what a test asked, or ended."""


def find_gimp() -> str | None:
    """The console GIMP 2.10 of this computer."""
    return support.find_gimp(NAMES, "2.10")


def environment(folder: Path, sandbox_url: str) -> dict[str, str]:
    """The variables of GIMP and its plug-ins."""
    for name in ("home", "tmp", "profile"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "GIMP2_DIRECTORY": str(folder / "profile"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "VENICE_HOME": str(folder / "venice"),
        "VENICE_BASE_URL": sandbox_url,
        "VENICE_API_KEY": KEY,
    }


def install_plug_in(folder: Path) -> Path:
    """The plug-in as the installer would leave it."""
    plug_in = folder / "profile" / "plug-ins" / "venice_gimp2"
    plug_in.mkdir(parents=True)
    for path in [*(REPO / "plug-ins/venice_gimp2").glob("*.py"), *(REPO / "plug-ins/shared").glob("*.py")]:
        shutil.copy(path, plug_in)
    (plug_in / "venice_gimp2.py").chmod(0o755)
    use_worker(plug_in)
    return plug_in


def use_worker(plug_in: Path, *before: str) -> None:
    """How the plug-in starts the worker: words such as `/usr/bin/env NAME=value` may stand before."""
    (plug_in / "worker.json").write_text(json.dumps({"command": worker_command(*before)}), "utf-8")


class RealGimp:
    """A real GIMP 2.10 whose procedure database can be spoken to at `address`.

    It has no window and nobody's plug-ins, where `options` and `variables` do not say otherwise.
    """

    def __init__(
        self,
        program: str,
        folder: Path,
        options: tuple[str, ...] = ("-i",),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._log = folder / "gimp.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        variables = variables or environment(folder, "http://127.0.0.1:9/api/v1")
        self._profile = variables["GIMP2_DIRECTORY"]
        serve = f'(plug-in-script-fu-server 1 "127.0.0.1" {port} "{folder / "server.log"}")'
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [program, *options, "-d", "-b", serve],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(lambda: self._process.poll() is not None or self._listens(port), 120)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _listens(self, port: int) -> bool:
        if self._process.poll() is not None:
            raise GimpError(f"GIMP did not start:\n{self._log.read_text('utf-8', 'replace')[-3000:]}")
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), 10) as wire,
            wire.makefile("rwb") as file,
        ):
            file.write(b"G\0\x0egimp-directory")
            file.flush()
            # else another run's GIMP got the port first
            return file.read(file.read(4)[3]).decode().strip('"') == self._profile
        return False


class Gimp2:
    """Functions of `gimp2_inside` by name: `gimp.snapshot(image)`; pictures go in and out as arrays.

    `backend`: "memory", or the address of a real GIMP.
    """

    def __init__(self, backend: str, python: str, folder: Path, sandbox_url: str, **variables: str) -> None:
        self.backend, self.folder = backend, folder
        self.home = folder / "venice"
        self._variables = {**environment(folder, sandbox_url), **variables}
        self.plug_in = install_plug_in(folder)
        self._python = python
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self.python_version = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *arguments, **named: self.call(name, *arguments, **named)

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        words = [self._python, str(HERE / "gimp2_inside.py"), str(STUBS), str(self.plug_in), self.backend]
        with (self.folder / "inside.log").open("ab") as log:
            self._process = subprocess.Popen(
                words, env=self._variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        self.python_version = self._answer()[0]

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def kill(self) -> None:
        """Ends the process as GIMP's Cancel ends a plug-in: nothing of it runs any more."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def begin(self, name: str, /, *arguments: Any, **named: Any) -> None:
        """A call whose end nobody waits for (yet: `end`)."""
        if self._process is None:
            self.start()
        assert self._process is not None
        assert self._process.stdin is not None
        message = json.dumps([name, self._written(arguments), named]).encode() + b"\n"
        self._process.stdin.write(message)
        self._process.stdin.flush()

    def call(self, name: str, /, *arguments: Any, **named: Any) -> Any:
        self.begin(name, *arguments, **named)
        return self.end()

    def end(self) -> Any:
        value = self._answer()
        return self._picture(value) if isinstance(value, str) and value.endswith(".png") else value

    def use_worker(self, *before: str) -> None:
        use_worker(self.plug_in, *before)

    def _written(self, arguments: tuple[Any, ...]) -> list[Any]:
        """Pictures as files."""
        return [self._file(each) if isinstance(each, np.ndarray) else each for each in arguments]

    def _file(self, picture: Array) -> str:
        path = self.folder / f"in-{next(self._numbers)}.png"
        Image.fromarray(picture).save(path)
        return str(path)

    def _picture(self, path: str) -> Array:
        with Image.open(path) as picture:
            return np.asarray(picture)

    def _answer(self) -> Any:
        assert self._process is not None
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], CALL_SECONDS)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            self.kill()
            log = (self.folder / "inside.log").read_text("utf-8", "replace")
            raise GimpError(f"no answer\n{log[-3000:]}")
        good, value = json.loads(line)
        if not good:
            raise GimpError(value)
        return value


@contextlib.contextmanager
def running(gimp: Gimp2) -> Iterator[Gimp2]:
    gimp.start()
    try:
        yield gimp
    finally:
        gimp.close()


def cover(values: Array) -> Array:
    """Coverage as a picture whose alpha it is, which is how `gimp2_inside` takes it."""
    return np.dstack([np.zeros_like(values), values])
