# -*- coding: utf-8 -*-
"""How the worker is started: its manifest, a clean environment, file names.

Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import unicode_literals

import io
import json
import os
import sys

from venice_errors import LinkError

MANIFEST = "worker.json"

# Variables that a host's bundle sets for itself and that would break another Python.
# `str` of each: in Python 2 variables are bytes, and a name outside ASCII could not be compared with text.
FOREIGN_PREFIXES = tuple(map(str, ("PYTHON", "LD_", "DYLD_", "GI_", "GTK_", "GDK_", "GIO_")))
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def clean_environment(environ, bundle=None):
    """Return the worker's variables, without those of the host's own Python and bundle.

    `bundle` is the folder of a self-contained GIMP, or None if GIMP is installed in the system.
    """
    bundle = bundle or environ.get("APPDIR")
    kept = {}
    for name, value in environ.items():
        if name.upper().startswith(FOREIGN_PREFIXES):
            continue
        if bundle and name in CERTIFICATES and _inside(value, bundle):
            continue
        kept[name] = value
    if bundle and kept.get("PATH"):
        parts = [part for part in kept["PATH"].split(os.pathsep) if part and not _inside(part, bundle)]
        kept["PATH"] = os.pathsep.join(parts)
    return kept


def _inside(path, folder):
    path, folder = os.path.abspath(path), os.path.abspath(folder)
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def read_manifest(folder):
    """Return the command that starts the worker: words that `install.py` wrote next to the plug-in."""
    path = os.path.join(folder, MANIFEST)
    try:
        with io.open(file_name(path), encoding="utf-8") as file:
            command = json.load(file)["command"]
        words = isinstance(command, list) and [word for word in command if isinstance(word, type(""))]
        if not words or words != command:
            raise ValueError("not a list of words")
    except (IOError, OSError, ValueError, KeyError, TypeError):
        raise LinkError(
            "The Venice installation is incomplete (%s is missing or damaged): run “python3 "
            "install.py” again." % path
        )
    if not os.path.exists(file_name(command[0])):
        raise LinkError(
            "The worker's Python (%s) no longer exists: run “python3 install.py” again." % command[0]
        )
    return command


def file_name(path):
    """Return a path as file functions take it: Python 2 encodes text by the locale, which may be "C"."""
    return path.encode("utf-8") if sys.version_info[0] == 2 and os.name != "nt" else path


def command_word(word):
    """Return a word of a command line as Popen takes it; Python 2 on Windows has only the ANSI code page.

    A path that cannot be encoded in it is replaced by its short name.
    """
    if sys.version_info[0] > 2 or os.name != "nt":
        return file_name(word)
    import ctypes

    ansi = word.encode("mbcs", "replace")
    if ansi.decode("mbcs") == word:
        return ansi
    return _short_name(ctypes.windll.kernel32, word).encode("mbcs", "replace")


def _short_name(kernel, path):
    """Return the 8.3 name that Windows has for a path, or the path if it has none."""
    import ctypes

    size = kernel.GetShortPathNameW(path, None, 0)
    buffer = ctypes.create_unicode_buffer(size or 1)
    kernel.GetShortPathNameW(path, buffer, size)
    return buffer.value or path


def own_session():
    """Return Popen options that keep the worker alive without the plug-in and close GIMP's files in it."""
    if os.name == "nt":
        # CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP; Python 2 cannot both use pipes and close files here
        return {"creationflags": 0x08000000 | 0x00000200, "close_fds": sys.version_info[0] > 2}
    if sys.version_info >= (3, 2):
        return {"start_new_session": True, "close_fds": True}
    return {"preexec_fn": os.setsid, "close_fds": True}
