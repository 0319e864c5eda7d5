# -*- coding: utf-8 -*-
"""One run behind a window: planned, shown, sent, waited for, cancelled, or placed. No toolkit.

A window is the view of a session and has these methods:

    show_plan(text)                 what would be sent and its price, or why that is unknown
    show_problem(problem)           a `Problem`, or None if there is none
    show_progress(text, share)      during a run; `share` is None if it is unknown
    set_busy(busy)                  a run begins or ends: nothing can be changed in the meantime
    refresh()                       the service's lists have changed
    ask_whether_to_wait()           the request has been sent: `leave`, `stop`, or do nothing to keep waiting
    wait()                          let the toolkit work for one event, a tick at most

It calls `step` every TICK seconds from a timer, even during `work`, the only method here that blocks.
Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import division, unicode_literals

import time
from collections import namedtuple

from venice_errors import Detached, HostError, LinkError, NotPlaced, PlanChanged, UserError
from venice_texts import KEY_MISSING, STAGES

TICK = 0.05
WATCH_SHARE = 0.05
"""The share of the time that checking the selection may take."""

ERROR, WARNING, NOTE = "error", "warning", "note"
NO_KEY, PLAN_CHANGED = "no-key", "plan-changed"

_IDLE, _STARTING, _RUNNING, _OVER = range(4)
_clock = getattr(time, "monotonic", time.time)


class Problem(namedtuple("Problem", "text level kind details")):
    """What prevents sending. `kind`: NO_KEY, PLAN_CHANGED, one of the worker's error kinds, or ""."""

    __slots__ = ()

    @property
    def wants_key(self):
        return self.kind in (NO_KEY, "missing-key", "bad-key")

    @property
    def wants_settings(self):
        return self.wants_key or self.kind == "over-limit"


def _problem_of(error):
    if isinstance(error, PlanChanged):
        return Problem(error.message, NOTE, PLAN_CHANGED, "")
    if isinstance(error, HostError):
        return Problem(error.message, WARNING, "", "")
    own = error.kind in ("bad-input", "over-limit", "missing-key", "cancelled") and error.charge == "none"
    return Problem(error.message, WARNING if own else ERROR, error.kind, error.details)


class Session(object):
    """The state behind a window. `plan` and `problem`: those that are shown, or None."""

    def __init__(self, task, link, view):
        self._task, self._link, self._view = task, link, view
        task.in_window = True
        self.plan = self.problem = None
        self._state, self._paused = _IDLE, False
        self._calls = {}  # by method: the number of the last call, and the function that takes its value
        self._outcome = None
        self._is_cancelled = False
        self._stage, self._since, self._share = "", 0.0, None
        self._watch_after = 0.0

    @property
    def is_busy(self):
        """Whether a run is in progress."""
        return self._state != _IDLE

    # Before it is sent

    def ask_plan(self):
        """Ask what would be sent and what it costs, and show the answer when it comes."""
        if self.is_busy or self._paused:
            return
        try:
            self._link.ensure()
            self._calls["plan"] = self._task.ask_plan(), self._take_plan
        except UserError as error:
            self._lose_plan(error)

    def ask(self, method, params, take):
        """Call the worker; `take` gets the answer when it comes."""
        if self.is_busy or self._paused:
            return
        try:
            self._link.ensure()
            self._calls[method] = self._link.send(method, params), take
        except LinkError as error:
            self._lose_plan(error)

    def watch(self, at_once=False):
        """Ask for the plan again if the image has changed; check less often if that takes long."""
        began = _clock()
        if self.is_busy or self._paused or (began < self._watch_after and not at_once):
            return
        if self._task.has_changed():
            self.ask_plan()
        now = _clock()
        self._watch_after = now + (now - began) / WATCH_SHARE

    def step(self):
        """Process the worker's messages."""
        if self._paused:
            return
        if self._state in (_IDLE, _RUNNING):
            self._listen()
        if self.is_busy:
            self._show_progress()
        elif self._link.news and not self._calls:
            self._link.news = False
            self._ask_again()

    def pause_for(self, action):
        """Let something else use the worker, such as another window, and show its errors."""
        self.forget_problem()
        self._paused = True
        self._calls.clear()
        try:
            self._link.ensure()
            action()
        except LinkError as error:
            problem = _problem_of(error)
            if self.plan is not None and not self.plan["key"]:
                problem = problem._replace(kind=NO_KEY)  # it stays, instead of the general one
            self._show_problem(problem)
        finally:
            self._paused = False
        self._ask_again()

    def note_change(self):
        """Clear the error after a change by the user; a missing key is still missing."""
        if not self._lacks_key():
            self.forget_problem()

    def forget_problem(self):
        """Clear the problem; the next plan shows whether it persists."""
        if self.problem is not None:
            self._show_problem(None)

    # Sending

    def work(self):
        """Send what is shown and wait for the result, with the window responsive.

        Return what `Task.place` does, or None if the user can try again. Raises Detached, NotPlaced.
        """
        self.forget_problem()
        self._view.set_busy(True)
        try:
            return self._task.place(self._run())
        except (Detached, NotPlaced):
            self._paused = True  # it is over, and a detached worker must not be replaced: it may be stopped
            raise
        except PlanChanged as changed:
            self._take_plan(changed.plan)
            self._show_problem(_problem_of(changed))
        except (LinkError, HostError) as error:
            if getattr(error, "kind", "") == "cancelled":
                self._link.close()  # nothing continues; another try starts a new worker
            self._show_problem(_problem_of(error))
        finally:
            self._state = _IDLE
            self._calls.clear()
            self._view.set_busy(False)
        return None

    def cancel(self):
        """Cancel unless the request has been sent completely and may be charged; then ask the user."""
        if self._state == _STARTING:
            self._is_cancelled = True
        elif self._state == _RUNNING:
            self._send_cancel(self._take_cancel, unless_sent=True)

    def leave(self):
        """Let the worker continue on its own and save the answer."""
        self._send_cancel(None)

    def stop(self):
        """Stop for good: the answer is lost and may be charged."""
        self._send_cancel(None, stop=True)

    def _run(self):
        """Run the job and return the worker's results. Raises UserError."""
        self._state, self._is_cancelled = _STARTING, False
        self._calls.clear()
        self._begin("preparing")
        self._link.ensure()
        self._calls["run"] = self._task.start(self._wait_at_start), self._end
        self._state = _RUNNING
        while self._state == _RUNNING:
            self._view.wait()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    def _wait_at_start(self, _message):
        """Stay responsive while the worker confirms the price; nothing has been sent yet."""
        end = _clock() + TICK  # not until no events are left: there may always be more
        while not self._is_cancelled and _clock() < end:
            self._view.wait()
        if self._is_cancelled:
            raise LinkError("Cancelled. Nothing was charged.", "cancelled")

    def _send_cancel(self, take, **how):
        if self._state != _RUNNING:
            return
        try:
            self._calls["cancel"] = self._link.cancel(**how), take
        except LinkError as error:
            self._end(error)

    def _end(self, outcome):
        self._outcome, self._state = outcome, _OVER

    # What the worker sends

    def _listen(self):
        try:
            while self._state == _RUNNING or (self._state == _IDLE and self._link.is_open):
                message = self._link.receive(0)
                if message is None:
                    return
                self._take(message)
        except LinkError as error:
            if self._state == _RUNNING:
                self._end(error)
            else:
                self._calls.clear()
                self._lose_plan(error)

    def _take(self, message):
        for method, (call, take) in list(self._calls.items()):
            over, value = self._link.answer(message, call)
            if over:
                del self._calls[method]
                if take is not None:
                    take(value)
            elif message.get("id") == call and message.get("event") == "progress":
                self._take_progress(message)

    def _take_plan(self, plan):
        self._task.mark_shown(plan)
        self.plan = plan
        self._view.show_plan(self._task.sentences(plan))
        if plan["key"]:
            if self._lacks_key():
                self.forget_problem()
        elif not self._lacks_key():  # only once: a window scrolls to a problem when it is shown
            self._show_problem(Problem(KEY_MISSING, NOTE, NO_KEY, ""))

    def _lacks_key(self):
        return self.problem is not None and self.problem.kind == NO_KEY

    def _lose_plan(self, error):
        self.plan = None
        self._view.show_plan(error.message)

    def _ask_again(self):
        self._view.refresh()
        self.ask_plan()

    def _show_problem(self, problem):
        self.problem = problem
        self._view.show_problem(problem)

    def _take_cancel(self, value):
        if value == "sent":
            self._view.ask_whether_to_wait()

    def _take_progress(self, message):
        if STAGES.get(message["stage"], "") != self._stage:
            self._begin(message["stage"])
        if message["total"]:
            self._share = message["done"] / message["total"]

    def _begin(self, stage):
        self._stage, self._since, self._share = STAGES.get(stage, ""), _clock(), None
        self._show_progress()

    def _show_progress(self):
        waited = int(_clock() - self._since)
        if self._share is not None:
            text = "%s %.0f%%" % (self._stage, 100 * self._share)
        else:
            text = "%s (%d s)" % (self._stage, waited) if waited else self._stage
        self._view.show_progress(text, self._share)
