# -*- coding: utf-8 -*-
"""The life of one run behind a window: planned, shown, sent, waited for, cancelled or placed. No toolkit.

A window is the view of a session, and has these:

    show_plan(text)                 what would be sent and its price, or why that is not known
    show_problem(problem)           a `Problem`; None: there is none (any more)
    show_progress(text, share)      while a run is under way; a share of None: nobody knows how far it is
    set_busy(busy)                  a run begins or is over: nothing can be changed meanwhile
    refresh()                       the service's lists have changed
    ask_whether_to_wait()           the request has been sent: `leave`, `stop`, or nothing, to keep waiting
    wait()                          lets the toolkit work for one event, a tick at most

It calls `step` every now and then (TICK), from a timer also in the middle of `work`. Nothing here blocks but
`work`. Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import division, unicode_literals

import time
from collections import namedtuple

from venice_errors import Detached, HostError, LinkError, NotPlaced, PlanChanged, UserError
from venice_texts import KEY_MISSING, STAGES

TICK = 0.05
WATCH_SHARE = 0.05
"""Of the time: how long looking at the selection may take."""

ERROR, WARNING, NOTE = "error", "warning", "note"
NO_KEY, PLAN_CHANGED = "no-key", "plan-changed"

_IDLE, _STARTING, _RUNNING, _OVER = range(4)
_clock = getattr(time, "monotonic", time.time)


class Problem(namedtuple("Problem", "text level kind details")):
    """What stands in the way. `kind`: NO_KEY, PLAN_CHANGED, one of the worker's errors, or ""."""

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
    """`plan`: what is shown; None: nothing is known. `problem`: what is shown of that."""

    def __init__(self, task, link, view):
        self._task, self._link, self._view = task, link, view
        task.in_window = True
        self.plan = self.problem = None
        self._state, self._resting = _IDLE, False
        self._calls = {}  # by method: the number of the last call, and what takes its value
        self._outcome = None
        self._given_up = False
        self._stage, self._since, self._share = "", 0.0, None
        self._watch_after = 0.0

    @property
    def is_busy(self):
        """Whether a run is under way."""
        return self._state != _IDLE

    # Before it is sent

    def ask_plan(self):
        """Ask what would be sent and what it costs; it is shown when the answer comes."""
        if self.is_busy or self._resting:
            return
        try:
            self._link.ensure()
            self._calls["plan"] = self._task.ask_plan(), self._take_plan
        except UserError as error:
            self._lose_plan(error)

    def ask(self, method, params, take):
        """Ask the worker something; `take` gets the answer when it comes."""
        if self.is_busy or self._resting:
            return
        try:
            self._link.ensure()
            self._calls[method] = self._link.send(method, params), take
        except LinkError as error:
            self._lose_plan(error)

    def watch(self, at_once=False):
        """Ask for the plan again if the image has changed; look less often where that takes long."""
        began = _clock()
        if self.is_busy or self._resting or (began < self._watch_after and not at_once):
            return
        if self._task.has_changed():
            self.ask_plan()
        now = _clock()
        self._watch_after = now + (now - began) / WATCH_SHARE

    def step(self):
        """Take what the worker has said meanwhile."""
        if self._resting:
            return
        if self._state in (_IDLE, _RUNNING):
            self._listen()
        if self.is_busy:
            self._tell_progress()
        elif self._link.news and not self._calls:
            self._link.news = False
            self._ask_again()

    def apart(self, action):
        """Let something else talk to the worker, such as another window; what goes wrong there is shown."""
        self.forget_problem()
        self._resting = True
        self._calls.clear()
        try:
            self._link.ensure()
            action()
        except LinkError as error:
            self._tell(_problem_of(error))
        finally:
            self._resting = False
        self._ask_again()

    def note_change(self):
        """Forget an error where the user has changed something; a missing key is still missing."""
        if not self._lacks_key():
            self.forget_problem()

    def forget_problem(self):
        """Take it for solved; the next plan tells what still holds."""
        if self.problem is not None:
            self._tell(None)

    # Sending

    def work(self):
        """Send what is shown and wait for the result, with the window alive.

        Returns what `Task.place` does, or None where it can be tried again. Raises Detached, NotPlaced.
        """
        self.forget_problem()
        self._view.set_busy(True)
        try:
            return self._task.place(self._run())
        except (Detached, NotPlaced):
            raise
        except PlanChanged as changed:
            self._take_plan(changed.plan)
            self._tell(_problem_of(changed))
        except (LinkError, HostError) as error:
            if getattr(error, "kind", "") == "cancelled":
                self._link.close()  # nothing of it goes on; another try starts another worker
            self._tell(_problem_of(error))
        finally:
            self._state = _IDLE
            self._calls.clear()
            self._view.set_busy(False)
        return None

    def cancel(self):
        """Cancel what has not wholly left; what has may be paid for, so the view asks the user."""
        if self._state == _STARTING:
            self._given_up = True
        elif self._state == _RUNNING:
            self._say(self._take_cancel, unless_sent=True)

    def leave(self):
        """Let the worker go on alone; it keeps the answer."""
        self._say(None)

    def stop(self):
        """End it for good: the answer is lost, and may be charged."""
        self._say(None, stop=True)

    def _run(self):
        """Return the worker's results. Raises UserError."""
        self._state, self._given_up = _STARTING, False
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
        """Stay alive while the worker makes sure of the price: nothing has been sent yet."""
        end = _clock() + TICK
        while not self._given_up and _clock() < end:  # not until there are no more events: they may never end
            self._view.wait()
        if self._given_up:
            raise LinkError("Cancelled. Nothing was charged.", "cancelled")

    def _say(self, take, **how):
        if self._state != _RUNNING:
            return
        try:
            self._calls["cancel"] = self._link.cancel(**how), take
        except LinkError as error:
            self._end(error)

    def _end(self, outcome):
        self._outcome, self._state = outcome, _OVER

    # What the worker says

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
        self._task.told(plan)
        self.plan = plan
        self._view.show_plan(self._task.sentences(plan))
        if plan["key"]:
            if self._lacks_key():
                self.forget_problem()
        elif not self._lacks_key():  # told once: a window brings into sight what it is told
            self._tell(Problem(KEY_MISSING, NOTE, NO_KEY, ""))

    def _lacks_key(self):
        return self.problem is not None and self.problem.kind == NO_KEY

    def _lose_plan(self, error):
        self.plan = None
        self._view.show_plan(error.message)

    def _ask_again(self):
        self._view.refresh()
        self.ask_plan()

    def _tell(self, problem):
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
        self._tell_progress()

    def _tell_progress(self):
        waited = int(_clock() - self._since)
        if self._share is not None:
            text = "%s %.0f %%" % (self._stage, 100 * self._share)
        else:
            text = "%s %d s" % (self._stage, waited) if waited else self._stage
        self._view.show_progress(text, self._share)
