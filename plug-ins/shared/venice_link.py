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
    """One worker process. Use it from one thread; a context manager that lets go of it at the end.

    `remedies`: a sentence for each remedy of the worker's errors, saying where in this GIMP that is done.
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
            words = [error["message"], self._remedies.get(error.get("remedy"))]
            sentences = " ".join(filter(None, words))
            raise LinkError(sentences, error["kind"], error["charge"], error.get("technical", ""))
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
            "The worker ended unexpectedly during a request. It may have been charged; see the list "
            "of jobs for what is known.",
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
