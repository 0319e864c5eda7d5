"""The life of one run, with a worker that says what a test wants and a window that takes notes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from venice_errors import Detached, HostError, LinkError, NotPlaced, PlanChanged, WorkerGone
from venice_link import Link
from venice_session import ERROR, NO_KEY, NOTE, PLAN_CHANGED, WARNING, Session


class Worker(Link):
    """A link without a process: `say` answers the last call of a method."""

    def __init__(self) -> None:
        super().__init__([], {})
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.starts = 0
        self.dies = False
        self._ids: dict[str, int] = {}
        self._said: list[dict[str, Any]] = []
        self._alive = False

    @property
    def is_open(self) -> bool:
        return self._alive

    def ensure(self) -> None:
        self.starts += not self._alive
        self._alive = True

    def close(self) -> None:
        self._alive = False
        self._said.clear()

    def send(self, method: str, params: dict[str, Any] | None = None) -> int:
        assert self._alive
        self.calls.append((method, params or {}))
        self._ids[method] = len(self.calls)
        return len(self.calls)

    def receive(self, seconds: float) -> dict[str, Any] | None:
        if self.dies:
            self._alive = False
            raise WorkerGone("The worker ended unexpectedly.")
        return self._said.pop(0) if self._said else None

    def say(self, method: str, event: str, **rest: Any) -> None:
        self._said.append({"id": self._ids[method], "event": event, **rest})

    def fail(self, method: str, kind: str, charge: str = "none") -> None:
        error = {"message": f"It failed: {kind}.", "kind": kind, "charge": charge}
        self.say(method, "error", error=error)

    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]


class Task:
    """What a session uses of a task. `waits`: how often the start is waited for; `fails`: how it ends."""

    in_window = False

    def __init__(self, link: Worker) -> None:
        self._link = link
        self.changed = False
        self.shown_plans: list[Any] = []
        self.waits = 0
        self.fails: Exception | None = None
        self.place: Callable[[Any], Any] = lambda value: ("image", value, [])

    def ask_plan(self) -> int:
        return self._link.send("plan")

    def mark_shown(self, plan: Any) -> None:
        self.shown_plans.append(plan)

    def sentences(self, plan: dict[str, Any]) -> str:
        return str(plan["text"])

    def has_changed(self) -> bool:
        return self.changed

    def start(self, on_wait: Callable[[None], None]) -> int:
        for _ in range(self.waits):
            on_wait(None)
        if self.fails is not None:
            raise self.fails
        return self._link.send("run")


class Window:
    """Takes notes. `plays`: what happens at each wait of a run."""

    def __init__(self) -> None:
        self.notes: list[tuple[Any, ...]] = []
        self.plays: list[Callable[[], None]] = []
        self.session: Session

    def wait(self) -> None:
        assert self.plays, "it would wait forever"
        self.plays.pop(0)()
        self.session.step()

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: self.notes.append((name, *arguments))

    def of(self, name: str) -> list[Any]:
        return [rest[0] if rest else None for noted, *rest in self.notes if noted == name]

    @property
    def problem(self) -> Any:
        return self.of("show_problem")[-1]


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def task(worker: Worker) -> Task:
    return Task(worker)


@pytest.fixture
def window() -> Window:
    return Window()


@pytest.fixture
def session(worker: Worker, task: Task, window: Window) -> Session:
    window.session = Session(task, worker, window)
    return window.session


def plan(text: str = "Sends it.", key: bool = True) -> dict[str, Any]:
    return {"text": text, "key": key}


def answer_plan(session: Session, worker: Worker, **what: Any) -> None:
    worker.say("plan", "result", value=plan(**what))
    session.step()


def test_a_plan_is_shown_when_it_comes(session: Session, worker: Worker, task: Task, window: Window) -> None:
    session.ask_plan()
    session.step()
    assert (window.notes, session.plan) == ([], None)
    answer_plan(session, worker)
    assert window.notes == [("show_plan", "Sends it.")]
    assert task.shown_plans == [plan()]
    assert task.in_window


def test_only_the_answer_to_the_last_question_counts(
    session: Session, worker: Worker, window: Window
) -> None:
    session.ask_plan()
    worker.say("plan", "result", value=plan("old"))
    session.ask_plan()
    answer_plan(session, worker, text="new")
    assert window.of("show_plan") == ["new"]


def test_a_missing_key_is_told_once_until_there_is_one(
    session: Session, worker: Worker, window: Window
) -> None:
    for _ in range(2):
        session.ask_plan()
        answer_plan(session, worker, key=False)
        session.note_change()
    (problem,) = window.of("show_problem")
    assert (problem.level, problem.kind) == (NOTE, NO_KEY)
    assert problem.wants_key
    assert problem.wants_settings
    session.ask_plan()
    answer_plan(session, worker)
    assert window.problem is None


def test_what_has_changed_is_planned_again(session: Session, worker: Worker, task: Task) -> None:
    session.watch()
    assert worker.calls == []
    task.changed = True
    session.watch(at_once=True)
    assert worker.methods() == ["plan"]


def test_news_are_asked_for_when_nothing_is_waited_for(
    session: Session, worker: Worker, window: Window
) -> None:
    session.ask_plan()
    worker.news = True
    session.step()
    assert worker.methods() == ["plan"]
    answer_plan(session, worker)
    assert window.of("refresh") == [None]
    assert worker.methods() == ["plan", "plan"]
    assert not worker.news


def test_a_worker_that_dies_is_started_again_by_the_next_question(
    session: Session, worker: Worker, window: Window
) -> None:
    session.ask_plan()
    answer_plan(session, worker)
    worker.dies = True
    session.step()
    session.step()
    assert window.of("show_plan")[1:] == ["The worker ended unexpectedly."]
    assert session.plan is None
    worker.dies = False
    session.ask_plan()
    assert worker.starts == 2


def test_a_result_is_placed_and_progress_shown_on_the_way(
    session: Session, worker: Worker, window: Window
) -> None:
    def progress(stage: str, done: int, total: int) -> Callable[[], None]:
        return lambda: worker.say("run", "progress", stage=stage, done=done, total=total)

    window.plays = [
        progress("uploading", 1, 4),
        progress("waiting", 0, 0),
        session.ask_plan,  # not while it runs
        lambda: worker.say("run", "result", value="made"),
    ]
    assert session.work() == ("image", "made", [])
    assert worker.methods() == ["run"]
    assert window.of("set_busy") == [True, False]
    assert ("show_progress", "Uploading… 25%", 0.25) in window.notes
    assert window.notes[-2][1:] == ("Waiting for the service…", None)
    assert not session.is_busy


def test_cancel_before_anything_is_sent(session: Session, worker: Worker, task: Task, window: Window) -> None:
    task.waits = 2
    window.plays = [session.cancel]
    assert session.work() is None
    assert "run" not in worker.methods()
    assert (window.problem.level, window.problem.kind) == (WARNING, "cancelled")
    assert not worker.is_open
    task.waits = 0
    window.plays = [lambda: worker.say("run", "result", value="made")]
    assert session.work() == ("image", "made", []), "it can be tried again"
    assert window.problem is None


def test_cancel_while_it_is_uploaded_buys_nothing(session: Session, worker: Worker, window: Window) -> None:
    window.plays = [session.cancel, lambda: worker.fail("run", "cancelled")]
    assert session.work() is None
    assert worker.calls[-1] == ("cancel", {"stop": False, "unless_sent": True})
    assert window.problem.level == WARNING
    assert not worker.is_open, "nothing of it goes on"


@pytest.fixture
def sent(session: Session, worker: Worker, window: Window) -> None:
    """Cancel comes too late."""
    window.plays = [session.cancel, lambda: worker.say("cancel", "result", value="sent")]


@pytest.mark.usefixtures("sent")
def test_after_the_upload_one_is_asked_and_can_keep_waiting(
    session: Session, worker: Worker, window: Window
) -> None:
    window.plays.append(lambda: worker.say("run", "result", value="made"))
    assert session.work() == ("image", "made", [])
    assert window.of("ask_whether_to_wait") == [None]


@pytest.mark.usefixtures("sent")
def test_after_the_upload_one_can_leave(session: Session, worker: Worker, window: Window) -> None:
    window.plays += [session.leave, lambda: worker.say("run", "detached", message="Kept.")]
    with pytest.raises(Detached, match="Kept"):
        session.work()
    assert worker.calls[-1] == ("cancel", {"stop": False, "unless_sent": False})
    assert window.notes[-1] == ("set_busy", False)


@pytest.mark.usefixtures("sent")
def test_a_worker_that_goes_on_alone_stays_the_one_that_can_be_stopped(
    session: Session, worker: Worker, task: Task, window: Window
) -> None:
    window.plays += [session.leave, lambda: worker.say("run", "detached", message="Kept.")]
    with pytest.raises(Detached):
        session.work()
    calls, task.changed, worker.news = worker.methods(), True, True
    worker.dies = True  # nothing comes from it
    session.step()
    session.watch(at_once=True)
    session.ask("status", {}, print)
    assert (worker.starts, worker.methods()) == (1, calls)


@pytest.mark.usefixtures("sent")
def test_after_the_upload_one_can_stop(session: Session, worker: Worker, window: Window) -> None:
    window.plays += [session.stop, lambda: worker.fail("run", "cancelled", "possible")]
    assert session.work() is None
    assert worker.calls[-1] == ("cancel", {"stop": True, "unless_sent": False})
    assert window.problem.level == ERROR, "it may be charged"


@pytest.mark.parametrize(
    ("kind", "level", "wants_key", "wants_settings"),
    [
        ("bad-key", ERROR, True, True),
        ("missing-key", WARNING, True, True),
        ("over-limit", WARNING, False, True),
        ("no-answer", ERROR, False, False),
    ],
)
def test_what_the_worker_says_is_shown_with_what_helps(
    session: Session,
    worker: Worker,
    window: Window,
    kind: str,
    level: str,
    wants_key: bool,
    wants_settings: bool,
) -> None:
    window.plays = [lambda: worker.fail("run", kind)]
    assert session.work() is None
    problem = window.problem
    assert problem.text == f"It failed: {kind}."
    assert (problem.level, problem.kind) == (level, kind)
    assert (problem.wants_key, problem.wants_settings) == (wants_key, wants_settings)
    session.note_change()
    assert window.problem is None


def test_another_price_is_shown_before_anything_is_sent(
    session: Session, worker: Worker, task: Task, window: Window
) -> None:
    task.fails = PlanChanged(plan("It costs more."))
    assert session.work() is None
    assert worker.calls == []
    assert window.of("show_plan") == ["It costs more."]
    assert task.shown_plans == [plan("It costs more.")]
    assert (window.problem.level, window.problem.kind) == (NOTE, PLAN_CHANGED)


def test_an_image_that_cannot_be_worked_on(session: Session, task: Task, window: Window) -> None:
    task.fails = HostError("The layer no longer exists.")
    assert session.work() is None
    assert window.problem.text == "The layer no longer exists."


def test_a_result_that_cannot_be_placed_ends_the_window(
    session: Session, worker: Worker, task: Task, window: Window
) -> None:
    def place(_value: Any) -> None:
        raise NotPlaced([{"pixels": "/jobs/1/pixels"}], RuntimeError("no memory"))

    task.place = place
    window.plays = [lambda: worker.say("run", "result", value="made")]
    with pytest.raises(NotPlaced):
        session.work()
    assert window.notes[-1] == ("set_busy", False)


def test_what_another_window_does_meanwhile(session: Session, worker: Worker, window: Window) -> None:
    session.ask_plan()

    def fail() -> None:
        session.ask_plan()
        worker.say("plan", "result", value=plan("meanwhile"))
        session.step()
        raise LinkError("It cannot be stored.")

    session.pause_for(fail)
    assert window.of("show_plan") == []
    assert window.problem.text == "It cannot be stored."
    assert window.of("refresh") == [None]
    answer_plan(session, worker)
    assert window.of("show_plan") == ["Sends it."], "asked again, and not by what was meant for the other"


def test_why_a_key_cannot_be_stored_stays_until_there_is_one(
    session: Session, worker: Worker, window: Window
) -> None:
    def fail() -> None:
        raise LinkError("It cannot be stored.", "bad-input")

    session.ask_plan()
    answer_plan(session, worker, key=False)
    session.pause_for(fail)
    answer_plan(session, worker, key=False)
    assert window.problem.text == "It cannot be stored."
    assert window.problem.wants_key, "it can be entered again"
    session.ask_plan()
    answer_plan(session, worker)
    assert window.problem is None
