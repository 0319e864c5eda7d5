"""The worker's loop: reads calls, runs one job at a time, answers.

It outlives its front end where money is at stake: see `current_run`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import BinaryIO, cast

from venice_core.errors import ProtocolError, VeniceError
from venice_core.providers.registry import Registry
from venice_core.records.journal import Journal
from venice_core.records.scratch import Scratch
from venice_core.storage.folders import Folders
from venice_core.storage.settings import displayed_provider
from venice_core.version import VERSION
from venice_core.worker.current_run import CurrentRun
from venice_core.worker.methods import Methods
from venice_core.worker.protocol import Call, CancelParams, MessageWriter, RunParams

log = logging.getLogger(__name__)


class Worker:
    """Serves one front end."""

    def __init__(self, env: Mapping[str, str], calls: BinaryIO, writer: MessageWriter) -> None:
        self._env = env
        self._calls = calls
        self._writer = writer

    def serve(self) -> None:
        """Answer until standard input ends; then wait until what is already paid for has arrived."""
        folders = Folders.of(self._env)
        journal = Journal(folders.jobs)
        with Registry(self._env, folders) as registry:
            scratch = Scratch(folders.scratch)
            self._run = CurrentRun(journal, scratch, self._writer)
            self._methods = Methods(registry, journal, scratch, self._writer.news)
            try:
                self._writer.hello(VERSION, str(scratch.path))
                for line in self._calls:
                    if line.strip():
                        self._handle(line)
                self._writer.close()
                self._run.finish()
            except SystemExit:  # asked to end by a signal
                self._run.abort()
                raise
            finally:
                scratch.remove()

    def _handle(self, line: bytes) -> None:
        try:
            call = Call.parse(line)
        except VeniceError as error:
            self._writer.error(0, error, "")
            return
        if call.method == "account":  # the service may be slow
            threading.Thread(target=self._answer, args=[call], daemon=True).start()
        else:
            self._answer(call)

    def _answer(self, call: Call) -> None:
        """Answer with the method's value, or why there is none; a run's answer comes later."""
        methods = self._methods.by_name
        try:
            if call.method == "run":
                self._start(call.id, cast(RunParams, call.params))
            elif call.method == "cancel":
                self._writer.result(call.id, self._run.cancel(cast(CancelParams, call.params)))
            elif call.method in methods:
                self._writer.result(call.id, methods[call.method](call.params))
            else:
                raise ProtocolError(f"There is no method “{call.method}”.")
        except VeniceError as error:
            provider = displayed_provider(str(call.params.get("provider") or ""), self._env)
            self._writer.error(call.id, error, provider)
        except Exception as error:
            log.exception("call failed")
            self._writer.error(call.id, VeniceError(f"{type(error).__name__}: {error}"), "")

    def _start(self, call_id: int, params: RunParams) -> None:
        self._run.check_idle()
        self._run.start(call_id, params, *self._methods.take_plan(params.get("plan")))
