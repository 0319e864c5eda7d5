"""Where settings, jobs, cache and logs are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from venice_core.errors import BadInput

APP = "venice-gimp"


@dataclass(frozen=True)
class Folders:
    """Where files are kept; no folder is created before something is written there."""

    settings: Path
    jobs: Path
    cache: Path
    logs: Path
    scratch: Path

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Folders:
        """Return the folders under `VENICE_HOME`, or else the platform's user folders."""
        home = env.get("VENICE_HOME")
        if home:
            try:
                base = Path(home).expanduser().absolute()
            except RuntimeError as error:
                raise BadInput(
                    f"VENICE_HOME is {home}, but there is no such user on this computer."
                ) from error
            return cls(base, base / "jobs", base / "cache", base / "logs", base / "scratch")
        data = Path(platformdirs.user_data_dir(APP, appauthor=False))
        return cls(
            settings=Path(platformdirs.user_config_dir(APP, appauthor=False)),
            jobs=data / "jobs",
            cache=Path(platformdirs.user_cache_dir(APP, appauthor=False)),
            logs=Path(platformdirs.user_log_dir(APP, appauthor=False)),
            scratch=data / "scratch",
        )


def private_folder(path: Path) -> Path:
    """Create a folder if it is missing, readable by its owner only."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
