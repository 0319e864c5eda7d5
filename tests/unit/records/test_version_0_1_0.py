"""Settings, keys and jobs that version 0.1.0 has written are read as it meant them."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from venice_core.cli.main import main
from venice_core.providers.registry import Registry
from venice_core.records import entry as entries
from venice_core.records.entry import ANSWER, Status, summary
from venice_core.records.journal import Journal
from venice_core.records.spending import Spending, spent_today
from venice_core.storage.folders import Folders
from venice_core.storage.settings import Settings, provider_name

WRITTEN = Path(__file__).parent / "version_0_1_0"
LATER = 1795893300.0  # on the same day, in Greenwich


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A copy of what was written, in a time zone where all of it was on one day; its processes are gone."""
    home = tmp_path / "home"
    shutil.copytree(WRITTEN, home)
    monkeypatch.setattr(entries, "is_alive", lambda pid: False)
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield {"VENICE_HOME": str(home), "HOME": str(tmp_path)}
    time.tzset()


def test_the_settings(env: dict[str, str]) -> None:
    settings = Settings(Folders.of(env).settings)
    assert settings.daily_limit == 2.5
    assert provider_name("", env, settings) == "openai"
    settings.set_daily_limit(3)
    assert settings.read()["profiles"]["studio"]["title"] == "Our studio"


def test_the_providers_and_their_keys(env: dict[str, str]) -> None:
    with Registry(env, Folders.of(env)) as registry:
        assert {"openai", "studio"} <= set(registry.names)
        studio = registry.profiles.get("studio")
        assert studio is not None
        assert studio.title == "Our studio"
        assert (studio.base_url, studio.model) == ("https://images.example.com/v1", "flux")
        assert (studio.based_on, studio.key_variable) == ("self-hosted", "STUDIO_KEY")
        assert registry.profiles.is_changed("openai")
        for name, key in (("venice", "vk-0123456789abcdef"), ("openai", "ok-0123456789abcdef")):
            session = registry.open(name)
            assert (session.key.reveal(), session.key_source) == (key, "file")


def test_the_jobs_in_all_their_states(env: dict[str, str]) -> None:
    jobs = list(Journal(Folders.of(env).jobs))
    told = ("action", "status", "charge", "provider", "model", "prompt", "size", "error")
    edited = ("venice", "firered-image-edit")
    assert [tuple(summary(job)[name] for name in told) for job in jobs] == [
        ("edit", "interrupted", "possible", *edited, "the power failed", "128 × 96 px", ""),
        ("upscale", "failed", "possible", "venice", "upscaler", "", "128 × 96 px", "lost-connection"),
        (
            "edit",
            "failed",
            "possible",
            *edited,
            "an answer that is no picture",
            "128 × 96 px",
            "unusable-answer",
        ),
        ("edit", "failed", "unknown", *edited, "something refused", "128 × 96 px", "policy"),
        ("cutout", "placed", "charged", "venice", "", "", "128 × 96 px", ""),
        ("generate", "placed", "charged", "openai", "gpt-image-1.5", "a lake", "1024 × 1024 px", ""),
        ("edit", "placed", "charged", *edited, "a red door", "128 × 96 px", ""),
    ]
    assert [job.status for job in jobs][:2] == [Status.SENT, Status.FAILED]
    assert {summary(job)["request_id"] for job in jobs if (job.folder / ANSWER).exists()} == {
        "0000000000000005-BOX",
        "0000000000000007-BOX",
        "0000000000000009-BOX",
    }


def test_the_command_line_lists_them(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VENICE_HOME", env["VENICE_HOME"])
    assert main(["jobs", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["jobs"]
    assert [job["status"] for job in listed] == ["interrupted", *["failed"] * 3, *["placed"] * 3]


def test_what_was_spent(env: dict[str, str]) -> None:
    spent = spent_today(Journal(Folders.of(env).jobs), LATER)
    assert spent == Spending(usd=0.41, diem=0.21, certain=0.27, requests=7, unpriced=0)


def test_a_job_that_is_placed_now_keeps_no_pixels(env: dict[str, str]) -> None:
    job = next(iter(Journal(Folders.of(env).jobs)))
    kept = {path.name for path in job.folder.iterdir()}
    for name in ("source.rgba", "coverage.grey", "result-1.rgba", "mask-1.grey", "rim-1.grey"):
        (job.folder / name).write_bytes(b"pixels")
    job.placed()
    assert {path.name for path in job.folder.iterdir()} == kept
