"""The progress of several requests side by side, shown as one."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_core.execution.combined_progress import CombinedProgress
from venice_core.progress import Progress, Stage

P, U, W, R, D, F = Stage


def shown(count: int, *steps: tuple[int, Progress | None]) -> list[Progress]:
    """What is shown for these steps; None: that request is over."""
    told: list[Progress] = []
    together = CombinedProgress(count, told.append)
    calls = [together.of(number) for number in range(count)]
    for number, progress in steps:
        if progress is None:
            together.over(number)
        else:
            calls[number](progress)
    return told


def test_a_single_request_shows_its_own() -> None:
    steps = [Progress(U, 1, 2), Progress(W), Progress(R, seconds=3), Progress(D, 5, 9), Progress(F)]
    assert shown(1, *((0, step) for step in steps), (0, None)) == steps


@pytest.mark.parametrize(
    ("steps", "last"),
    [
        ([(0, Progress(U, 10, 100))], Progress(U, 10, 100)),  # the others have not begun
        ([(0, Progress(U, 10, 100)), (1, Progress(U, 20, 100))], Progress(U, 30, 200)),
        ([(n, Progress(U, 10 * n, 100)) for n in range(3)], Progress(U, 30, 300)),
        ([(0, Progress(W)), (1, Progress(U, 5, 9)), (2, Progress(W))], Progress(U, 5, 9)),
        ([(n, Progress(W)) for n in range(3)], Progress(W, 0, 3)),
        ([(0, Progress(W)), (1, Progress(W)), (2, Progress(W)), (1, None)], Progress(W, 1, 3)),
        ([(0, None), (1, None), (2, Progress(W))], Progress(W, 2, 3)),
        ([(0, Progress(W)), (1, Progress(R, seconds=9)), (2, Progress(D, 1, 2))], Progress(W, 0, 3)),
        ([(0, None), (1, Progress(R, seconds=9)), (2, Progress(R, seconds=4))], Progress(R, seconds=9)),
        ([(0, None), (1, Progress(D, 5, 10)), (2, Progress(D, 1, 20))], Progress(D, 6, 30)),
        ([(0, Progress(W))], Progress(W, 0, 3)),  # the others are held back
        ([(0, Progress(F)), (1, Progress(D, 5, 10)), (2, Progress(D, 1, 20))], Progress(D, 6, 30)),
        ([(0, Progress(F)), (1, Progress(F)), (2, Progress(F))], Progress(F)),
        ([(0, Progress(P)), (1, Progress(P)), (2, Progress(P))], Progress(P)),
    ],
)
def test_several_show_the_first_stage_that_one_of_them_is_in(
    steps: list[tuple[int, Progress | None]], last: Progress
) -> None:
    assert shown(3, *steps)[-1] == last


def test_once_all_are_over_nothing_more_is_shown() -> None:
    told = shown(2, (0, Progress(W)), (1, Progress(W)), (0, None), (1, None))
    assert told == [Progress(W, 0, 2), Progress(W, 0, 2), Progress(W, 1, 2)]
    assert shown(2, (0, None), (1, None)) == [Progress(P)]


stages = st.sampled_from(list(Stage))


@given(st.integers(2, 4), st.data())
def test_the_stage_shown_never_runs_ahead_of_the_slowest(count: int, data: st.DataObject) -> None:
    order = list(Stage)
    latest: list[Progress | None] = [Progress(P)] * count
    told: list[Progress] = []
    together = CombinedProgress(count, told.append)
    for _ in range(data.draw(st.integers(1, 12))):
        number = data.draw(st.integers(0, count - 1))
        if data.draw(st.integers(0, 4)) == 0:
            latest[number] = None
            together.over(number)
        else:
            latest[number] = data.draw(st.builds(Progress, stages, st.integers(0, 9)))
            progress = latest[number]
            assert progress is not None
            together.of(number)(progress)
        under_way = [each for each in latest if each is not None]
        if not under_way:
            continue
        begun = [each for each in under_way if each.stage is not P]  # the others are held back
        assert told[-1].stage is order[min(order.index(each.stage) for each in begun or under_way)]
        if told[-1].stage is W:
            assert (told[-1].done, told[-1].total) == (count - len(under_way), count)


def test_it_is_told_one_at_a_time_from_any_thread() -> None:
    inside = threading.Lock()
    overlaps = []

    def show(_: Progress) -> None:
        if not inside.acquire(blocking=False):
            overlaps.append(1)
            return
        inside.release()

    together = CombinedProgress(4, show)

    def work(number: int) -> None:
        for done in range(300):
            together.of(number)(Progress(U, done, 300))
        together.over(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not overlaps
