# -*- coding: utf-8 -*-
"""The worker process as GIMP's plug-ins see it: start it, talk to it, detach from it.

Standard library only; runs on Python 2.7 and 3, and knows nothing about GIMP. Messages are one JSON object
per line on the worker's standard input and output; pixels are passed as raw files in a private folder.
"""

from __future__ import unicode_literals

import io
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time

from venice_errors import Detached, LinkError, WorkerGone, error_text
from venice_process import clean_environment, command_word, file_name, own_session

try:
    import queue
except ImportError:  # Python 2.7
    import Queue as queue

PROTOCOL = 2
START_SECONDS = 60.0
CLOSE_SECONDS = 2.0


class Link(object):
    """One worker process, and a context manager that closes the link to it. Use it from one thread.

    `remedies`: for each remedy of the worker's errors, a sentence that says where to find it in this GIMP.
    """

    def __init__(self, command, environ=None, remedies=None):
        self._command = command
        self._remedies = remedies or {}
        self._environ = clean_environment(os.environ if environ is None else environ)
        self._process = None
        self._messages = queue.Queue()
        self._last_id = 0
        self._run_id = 0
        self._stage = ""
        self._detached = False
        self._over = False  # no more messages: it has ended, is about to, or continues on its own
        self.news = False  # whether plans may have changed; whoever asks for a new plan resets it
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
        """Start the worker, or a new one if the last one has ended, and wait for its greeting."""
        self._messages = queue.Queue()
        self._stage = ""
        self._detached = False
        self._over = False
        # A file, not a pipe: it does not need to be read and cannot fill up.
        self._stderr = tempfile.TemporaryFile()
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._stderr}
        options = dict(own_session(), env=self._environ, **pipes)
        try:
            self._process = subprocess.Popen(list(map(command_word, self._command)), **options)
        except OSError as error:
            raise LinkError("The worker could not be started: %s." % error_text(error))
        reader = threading.Thread(target=_read, args=(self._process.stdout, self._messages))
        reader.daemon = True
        reader.start()
        hello = self.receive(START_SECONDS)
        if hello is None or hello.get("event") != "hello":
            raise LinkError("The worker did not start in time.")
        if hello.get("protocol") != PROTOCOL:
            raise LinkError("The worker and plug-in versions do not match: run “python3 install.py” again.")
        self.folder = hello["folder"]
        self.version = hello["version"]

    def ensure(self):
        """Start the worker again if it has ended or the link was closed."""
        if self._process is None or self._over or self._process.poll() is not None:
            self.close()
            self.start()

    def send(self, method, params=None):
        """Send a call and return its number; the answer comes through `receive`."""
        self._last_id += 1
        if method == "run":
            self._run_id, self._stage = self._last_id, "preparing"
        message = {"id": self._last_id, "method": method, "params": params or {}}
        try:
            self._process.stdin.write(json.dumps(message).encode("ascii") + b"\n")
            self._process.stdin.flush()
        except (IOError, OSError, ValueError):
            if self._stage:
                self._stage = "unknown"  # its last messages may not have been received yet
            raise self._gone()
        return self._last_id

    def receive(self, seconds):
        """Return the next message, or None if none arrives in time. Raises WorkerGone at the end."""
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
        """Return (True, value) if `message` ends that call, else (False, None). Raises LinkError."""
        if message is None or message.get("id") != call_id:
            return False, None
        event = message["event"]
        if call_id == self._run_id and event in ("result", "error"):
            self._stage = ""
        if event == "result":
            return True, message["value"]
        if event == "error":
            error = message["error"]
            words = [error["message"], self._remedies.get(error.get("remedy"))]
            sentences = " ".join(filter(None, words))
            raise LinkError(sentences, error["kind"], error["charge"], error.get("technical", ""))
        if event == "detached":
            self._detached = self._over = True
            raise Detached(message["message"], "cancelled", "possible")
        return False, None

    def call(self, method, params=None, on_wait=None, interval=0.1):
        """Send a call, wait for its value, and return it.

        `on_wait(message)` is called for each other message, and with None every `interval` seconds.
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
        """Ask the worker to stop the current job, and return the call's number.

        `stop`: even if it may already be charged. `unless_sent`: do not stop in that case, but answer "sent".
        """
        return self.send("cancel", {"stop": stop, "unless_sent": unless_sent})

    def stop(self):
        """End the worker, even a detached one; what it has sent may be charged."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def write(self, name, data):
        """Write pixels to the private folder and return the name to pass on."""
        with io.open(self.path_of(name), "wb") as file:
            file.write(data)
        return name

    def path_of(self, name):
        """Return the path of a file in the private folder, as file functions take it."""
        return file_name(os.path.join(self.folder, name))

    def close(self):
        """Close the link. A worker that is still receiving a paid answer continues on its own."""
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
            "The worker ended unexpectedly during a request. You may have been charged; run “jobs” on "
            "the command line to see what is known.",
            charge="possible",
        )

    def _remove_folder(self):
        if self.folder:
            shutil.rmtree(file_name(self.folder), ignore_errors=True)


def _read(stream, messages):
    for line in iter(stream.readline, b""):
        try:
            message = json.loads(line.decode("utf-8"))
        except ValueError:
            continue
        if isinstance(message, dict):
            messages.put(message)
    messages.put(None)
