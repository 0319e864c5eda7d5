"""The link on Python 2.7 as it is on Windows and under a locale without UTF-8: words, paths, variables."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from support import find_python_2
from test_link import COMMAND, MODULE

from venice_core.version import VERSION

HEAD = f"""# -*- coding: utf-8 -*-
from __future__ import unicode_literals, print_function
import codecs, io, json, os, subprocess, sys, types
sys.dont_write_bytecode = True
sys.path.insert(0, {str(MODULE.parent)!r})
import venice_errors, venice_link, venice_process
"""

# Windows as far as a word of a command line is concerned: a code page, and short names from the kernel.
WINDOWS = (
    HEAD
    + r"""
codecs.register(lambda name: codecs.lookup("cp1252") if name == "mbcs" else None)
SHORT = {"C:\\Users\\Łukasz\\python.exe": "C:\\Users\\LUKASZ~1\\python.exe"}

class Buffer(object):
    value = ""

class Kernel(object):
    def GetShortPathNameW(self, path, buffer, size):
        short = SHORT.get(path, "")
        if buffer is None:
            return len(short) + 1 if short else 0
        buffer.value = short if size else ""
        return len(short)

ctypes = types.ModuleType(str("ctypes"))
ctypes.windll = types.ModuleType(str("windll"))
ctypes.windll.kernel32 = Kernel()
ctypes.create_unicode_buffer = lambda size: Buffer()
sys.modules[str("ctypes")] = ctypes
os.name = "nt"
words = [venice_process.command_word(word) for word in json.loads(sys.argv[1])]
paths = [venice_process.file_name("C:\\Zoë\\x")]
apart = venice_process.own_session()
said = venice_errors.error_text(OSError(13, "Accès refusé".encode("cp1252")))
started = []
subprocess.mswindows = True  # as Popen sees it, which refuses there to close files beside pipes

def execute(process, words, *_):
    started.append(words)
    subprocess.mswindows = False
    raise OSError(2, b"nirgendwo da")

subprocess.Popen._execute_child = execute
try:
    venice_link.Link(["python.exe"], {}).start()
except venice_errors.LinkError as error:
    assert "nirgendwo da" in error.message
os.name = "posix"
assert started == [[b"python.exe"]]
assert all(isinstance(word, bytes) for word in words), "Popen of Python 2 takes no text there"
assert isinstance(paths[0], type("")), "functions for files do"
print(json.dumps([[word.decode("cp1252") for word in words], apart, said]))
"""
)

LOCALE = (
    HEAD
    + """
folder = sys.argv[1].decode("utf-8")
environ = dict(os.environ)
environ[b"GR\\xc3\\xb6SSE"] = b"\\xff\\xfe"
with venice_link.Link(venice_process.read_manifest(folder), environ) as link:
    assert "Zoë" in link.folder
    link.write("pixels", b"1234")
    with io.open(link.path_of("pixels"), "rb") as file:
        assert file.read() == b"1234"
    left = link.folder
    print(link.version)
assert not os.path.exists(left.encode("utf-8"))
"""
)


@pytest.fixture
def python_2() -> str:
    found = find_python_2()
    if found is None:
        pytest.skip("there is no Python 2.7 here")
    return found


def test_words_for_windows_are_in_its_code_page_or_short(python_2: str, tmp_path: Path) -> None:
    script = tmp_path / "windows.py"
    script.write_text(WINDOWS, "utf-8")
    words = ["C:\\Users\\Zoë\\python.exe", "C:\\Users\\Łukasz\\python.exe", "-m"]
    run = subprocess.run([python_2, script, json.dumps(words)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found, apart, said = json.loads(run.stdout)
    assert found == ["C:\\Users\\Zoë\\python.exe", "C:\\Users\\LUKASZ~1\\python.exe", "-m"]
    flags = 0x08000000 | 0x00000200
    assert apart == {"creationflags": flags, "close_fds": False}, "no console window, a group of its own"
    assert said == "[Errno 13] Accès refusé"


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_paths_outside_ascii_work_in_every_locale(python_2: str, tmp_path: Path, locale: str) -> None:
    folder = tmp_path / "Zoë's “plug-in”"
    folder.mkdir()
    start = tmp_path / "Zoë.sh"  # a command whose path is outside ASCII, too
    words = " ".join(f"'{word}'" for word in [COMMAND[0], *COMMAND[1:-1]])
    start.write_text(f'#!/bin/sh\nexec {words} "$@"\n', "utf-8")
    start.chmod(0o755)
    (folder / "worker.json").write_text(json.dumps({"command": [str(start), COMMAND[-1]]}), "utf-8")
    script = tmp_path / "front_end.py"
    script.write_text(LOCALE, "utf-8")
    variables = {
        **os.environ,
        "LC_ALL": locale,
        "VENICE_HOME": str(tmp_path / "Zoë"),
        "VENICE_PROVIDER": "sandbox",
    }
    run = subprocess.run(
        [python_2, script, folder], env=variables, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == VERSION
