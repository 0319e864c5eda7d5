# -*- coding: utf-8 -*-
"""The worker process as GIMP's plug-ins see it: start it, talk to it, let go of it.

Standard library only; runs on Python 2.7 and 3, and knows nothing of GIMP. Messages are one JSON object
a line on the worker's standard input and output; pixels travel as raw files in a private folder.
"""

from __future__ import unicode_literals

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

try:
    import queue
except ImportError:  # Python 2.7
    import Queue as queue

PROTOCOL = 1
MANIFEST = "worker.json"
START_SECONDS = 60.0
CLOSE_SECONDS = 2.0

# What a host's bundle sets for itself and would break another Python.
# `str` of each: in Python 2 variables are bytes, and a name outside ASCII would not compare with text.
FOREIGN_PREFIXES = tuple(map(str, ("PYTHON", "LD_", "DYLD_", "GI_", "GTK_", "GDK_", "GIO_")))
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class ForPeople(Exception):
    """`message` and `str` of it are a sentence for people; in Python 2, `str` is that as UTF-8."""

    def __init__(self, message):
        super(ForPeople, self).__init__(message)
        self.message = message

    if sys.version_info[0] == 2:

        def __str__(self):
            return self.message.encode("utf-8")


class LinkError(ForPeople):
    """A call failed. `kind` and `charge` are the worker's words, `details` what was behind it."""

    def __init__(self, message, kind="error", charge="none", details=""):
        super(LinkError, self).__init__(message)
        self.kind = kind
        self.charge = charge
        self.details = details


class WorkerGone(LinkError):
    """The worker ended without an answer."""


class Detached(LinkError):
    """The worker goes on alone: what was sent may be charged, and its answer is kept."""


def words_of(error):
    """What an exception says, as text: in Python 2 the system's words may be in any encoding."""
    try:
        return type("")(error)
    except UnicodeError:
        return bytes(error).decode("mbcs" if os.name == "nt" else "utf-8", "replace")


def clean_environment(environ, bundle=None):
    """The variables for the worker: without what belongs to the host's own Python and its bundle.

    `bundle` is the folder of a self-contained GIMP (None: GIMP is installed in the system).
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
    """How to start the worker: the list of words that `install.py` wrote beside the plug-in."""
    path = os.path.join(folder, MANIFEST)
    try:
        with io.open(file_name(path), encoding="utf-8") as file:
            command = json.load(file)["command"]
        words = isinstance(command, list) and [word for word in command if isinstance(word, type(""))]
        if not words or words != command:
            raise ValueError("not a list of words")
    except (IOError, OSError, ValueError, KeyError, TypeError):
        raise LinkError(
            "Venice is not wholly installed (%s is missing or broken): run “python3 install.py” again." % path
        )
    if not os.path.exists(file_name(command[0])):
        raise LinkError("The worker's Python (%s) is gone: run “python3 install.py” again." % command[0])
    return command


class Link(object):
    """One worker process. Use it from one thread; a context manager that lets go of it at the end."""

    def __init__(self, command, environ=None):
        self._command = command
        self._environ = clean_environment(os.environ if environ is None else environ)
        self._process = None
        self._messages = queue.Queue()
        self._last_id = 0
        self._run_id = 0
        self._stage = ""
        self._detached = False
        self._over = False  # no more messages: it is gone, or about to be, or goes on alone
        self.news = False  # whether plans may have changed: set by the worker, taken back by who asks again
        self.folder = ""
        self.version = ""

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def pid(self):
        return self._process.pid if self._process else None

    @property
    def is_open(self):
        """Whether messages may still come."""
        return self._process is not None and not self._over

    def start(self):
        """Starts the worker, anew where the last one is gone, and waits for its greeting."""
        self._messages = queue.Queue()
        self._stage = ""
        self._detached = False
        self._over = False
        # A file, not a pipe: nobody has to read it, and it cannot fill up.
        self._stderr = tempfile.TemporaryFile()
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._stderr}
        options = dict(_apart(), env=self._environ, **pipes)
        try:
            self._process = subprocess.Popen(list(map(_word, self._command)), **options)
        except OSError as error:
            raise LinkError("The worker could not be started: %s." % words_of(error))
        reader = threading.Thread(target=_read, args=(self._process.stdout, self._messages))
        reader.daemon = True
        reader.start()
        hello = self.receive(START_SECONDS)
        if hello is None or hello.get("event") != "hello":
            raise LinkError("The worker did not start in time.")
        if hello.get("protocol") != PROTOCOL:
            raise LinkError(
                "The worker is of another version than the plug-in: run “python3 install.py” again."
            )
        self.folder = hello["folder"]
        self.version = hello["version"]

    def ensure(self):
        """Starts the worker again if it is gone or was let go of."""
        if self._process is None or self._over or self._process.poll() is not None:
            self.close()
            self.start()

    def send(self, method, params=None):
        """Sends a call and returns its number; the answer comes through `receive`."""
        self._last_id += 1
        if method == "run":
            self._run_id, self._stage = self._last_id, "preparing"
        message = {"id": self._last_id, "method": method, "params": params or {}}
        try:
            self._process.stdin.write(json.dumps(message).encode("ascii") + b"\n")
            self._process.stdin.flush()
        except (IOError, OSError, ValueError):
            if self._stage:
                self._stage = "unknown"  # what it said last may not have been received yet
            raise self._gone()
        return self._last_id

    def receive(self, seconds):
        """The next message, or None when none comes in that time. Raises WorkerGone at the end."""
        try:
            message = self._messages.get(True, seconds) if seconds > 0 else self._messages.get_nowait()
        except queue.Empty:
            return None
        if message is None:
            self._messages.put(None)
            raise self._gone()
        if message.get("event") == "news":
            self.news = True
            return None
        if message.get("event") == "progress":
            self._stage = message["stage"]
        return message

    def answer(self, message, call_id):
        """(True, value) where `message` ends that call, (False, None) where it does not. Raises LinkError."""
        if message is None or message.get("id") != call_id:
            return False, None
        event = message["event"]
        if call_id == self._run_id and event in ("result", "error"):
            self._stage = ""
        if event == "result":
            return True, message["value"]
        if event == "error":
            error = message["error"]
            raise LinkError(error["message"], error["kind"], error["charge"], error.get("technical", ""))
        if event == "detached":
            self._detached = self._over = True
            raise Detached(message["message"], "cancelled", "possible")
        return False, None

    def call(self, method, params=None, on_wait=None, interval=0.1):
        """Sends a call and waits for its value.

        `on_wait(message)` is called for each other message, and with None every `interval` s.
        """
        call_id = self.send(method, params)
        while True:
            message = self.receive(interval)
            over, value = self.answer(message, call_id)
            if over:
                return value
            if on_wait is not None:
                on_wait(message)

    def cancel(self, stop=False, unless_sent=False):
        """Asks to stop the job under way, and returns the call's number.

        `stop`: also where it may already be paid for; `unless_sent`: nothing is stopped in that case, and the
        answer is "sent".
        """
        return self.send("cancel", {"stop": stop, "unless_sent": unless_sent})

    def stop(self):
        """Ends the worker, also one that we have let go of; what it had sent may be charged."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def write(self, name, data):
        """Puts pixels into the private folder and returns the name to pass on."""
        with io.open(self.path_of(name), "wb") as file:
            file.write(data)
        return name

    def path_of(self, name):
        """A file in the private folder, as functions for files take it."""
        return file_name(os.path.join(self.folder, name))

    def close(self):
        """Lets go of the worker. One that is still receiving a paid answer goes on without us."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.stdin.close()
        except (IOError, OSError, ValueError):
            pass
        end = time.time() + CLOSE_SECONDS
        while not self._detached and process.poll() is None and time.time() < end:
            time.sleep(0.01)
        if process.poll() is not None:
            self._remove_folder()

    def _gone(self):
        self._over = True
        if not self._detached:
            self._remove_folder()
        if self._stage in ("", "preparing"):
            self._stderr.seek(0)
            words = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
            detail = " (%s)" % words[-1] if words else ""
            sent = "" if self._run_id and not self._stage else " Nothing was sent."
            return WorkerGone("The worker ended unexpectedly%s.%s" % (detail, sent))
        return WorkerGone(
            "The worker ended unexpectedly while a request was under way. It may have been charged; what is "
            "known is in the list of jobs.",
            charge="possible",
        )

    def _remove_folder(self):
        if self.folder:
            shutil.rmtree(file_name(self.folder), ignore_errors=True)


def file_name(path):
    """A path (text) as functions for files take it: Python 2 encodes text by the locale, which may be "C"."""
    return path.encode("utf-8") if sys.version_info[0] == 2 and os.name != "nt" else path


def _word(word):
    """A word of a command line as Popen takes it; Python 2 on Windows has the ANSI code page only.

    A path that has no place there is given by its short name.
    """
    if sys.version_info[0] > 2 or os.name != "nt":
        return file_name(word)
    import ctypes

    ansi = word.encode("mbcs", "replace")
    if ansi.decode("mbcs") == word:
        return ansi
    return _short_name(ctypes.windll.kernel32, word).encode("mbcs", "replace")


def _short_name(kernel, path):
    """The 8.3 name that Windows has for a path, or the path where it has none."""
    import ctypes

    size = kernel.GetShortPathNameW(path, None, 0)
    buffer = ctypes.create_unicode_buffer(size or 1)
    kernel.GetShortPathNameW(path, buffer, size)
    return buffer.value or path


def _read(stream, messages):
    for line in iter(stream.readline, b""):
        try:
            message = json.loads(line.decode("utf-8"))
        except ValueError:
            continue
        if isinstance(message, dict):
            messages.put(message)
    messages.put(None)


def _apart():
    """So that ending the plug-in does not end the worker with it, and no file of GIMP's is open in it."""
    if os.name == "nt":
        # CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP; beside pipes, Python 2 there cannot close files
        return {"creationflags": 0x08000000 | 0x00000200, "close_fds": sys.version_info[0] > 2}
    if sys.version_info >= (3, 2):
        return {"start_new_session": True, "close_fds": True}
    return {"preexec_fn": os.setsid, "close_fds": True}
