"""The plug-in for GIMP 2.10 on both backends, its sandbox, and what must hold after every test."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gimp2_machine import Gimp2, RealGimp, find_gimp
from specification import check_documented
from support import find_python_2, is_required, leave_out, posts, wait_for

from venice_core.sandbox import Sandbox

GIMP = find_gimp()
BACKENDS = ["memory", "live"] if GIMP or is_required("gimp2") else ["memory"]


def pytest_report_header() -> str:
    return f"GIMP 2.10: {GIMP or 'none, so the model of one only'}; Python 2.7: {find_python_2() or 'none'}"


@pytest.fixture(scope="session")
def _server() -> Iterator[Sandbox]:
    with Sandbox() as server:
        yield server


@pytest.fixture(scope="session")
def python() -> str:
    """Python 2.7, as in GIMP; where there is none, this one has to do."""
    found = find_python_2()
    if found is None and is_required("gimp2"):
        pytest.fail("there is no Python 2.7 on this computer")
    return found or sys.executable


@pytest.fixture(scope="session")
def real_gimp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real GIMP 2.10."""
    if GIMP is None:
        leave_out("gimp2", "there is no GIMP 2.10 on this computer")
    gimp = RealGimp(GIMP, tmp_path_factory.mktemp("real"))
    yield gimp.address
    gimp.close()


@pytest.fixture(scope="session", params=BACKENDS)
def _gimp(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _server: Sandbox, python: str
) -> Iterator[Gimp2]:
    backend = request.getfixturevalue("real_gimp") if request.param == "live" else "memory"
    # a folder's name outside ASCII, as people's names are
    gimp = Gimp2(backend, python, tmp_path_factory.mktemp("gimp2") / "Zoë", _server.url)
    yield gimp
    gimp.close()


@pytest.fixture
def sandbox(_server: Sandbox) -> Iterator[Sandbox]:
    """Healthy, and without a memory of other tests; Venice's requests must be as Venice documents them."""
    _server.reset()
    yield _server
    check_documented(posts(_server))
    _server.reset()


@pytest.fixture
def gimp(_gimp: Gimp2, sandbox: Sandbox) -> Iterator[Gimp2]:
    """Afterwards no image is left but those that the test made, nor a picture on its way."""
    shutil.rmtree(_gimp.home, ignore_errors=True)
    if not _gimp.is_running:
        _gimp.start()
    assert _gimp.strays() == [], "of an earlier test"
    yield _gimp
    _gimp.use_worker()
    if _gimp.is_running:
        assert _gimp.strays() == [], "private images are deleted"
        _gimp.delete_all()
    wait_for(lambda: not list(_gimp.home.glob("scratch/*")))


@pytest.fixture
def jobs(gimp: Gimp2) -> Callable[[], list[dict[str, Any]]]:
    """The journal's entries, oldest first."""

    def read() -> list[dict[str, Any]]:
        found = [json.loads(path.read_text("utf-8")) for path in (gimp.home / "jobs").glob("*/job.json")]
        return sorted(found, key=lambda record: record["created"])

    return read
