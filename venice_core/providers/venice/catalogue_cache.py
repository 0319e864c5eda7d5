"""The latest list of models from the service: kept on disk, shown at once, refreshed in the background.

Without a network and without a stored list, the dated copy included in the package is used.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from venice_core.cancellation import Cancel
from venice_core.errors import BadKey, KeyNotReceived, LookupFailed, Refused, VeniceError
from venice_core.network.lookup import look_up
from venice_core.network.messages import Response
from venice_core.planning.capabilities import MODEL_TYPES, Catalogue
from venice_core.providers.venice import listings as lists
from venice_core.providers.venice.model_entries import packaged_catalogue, read_catalogue
from venice_core.providers.venice.provider import Venice
from venice_core.secret import Secret
from venice_core.storage.atomic_files import write_atomically

log = logging.getLogger(__name__)

FRESH_SECONDS = 600.0
FIRST_SECONDS = 5.0
"""How long a request may wait for the very first list: limits must be known before money is spent."""


class Catalogues:
    """The catalogue of the service at `base_url`. `key` is sent only if the service asks for one."""

    def __init__(self, base_url: str, folder: Path, clock: Callable[[], float] = time.time) -> None:
        name = hashlib.sha256(base_url.encode()).hexdigest()[:16]
        self._base_url = base_url
        self._reader = Venice(Secret(""), base_url)  # asking for lists takes no key
        self._path = folder / f"models-{name}.json"
        self._clock = clock
        self._lock = threading.Lock()
        self._current: Catalogue | None = None
        self._refreshing: threading.Thread | None = None
        self._waited = False
        self._tried = 0.0
        self.cancel = Cancel()
        self.key = lists.NO_KEY

    @property
    def current(self) -> Catalogue:
        """What is known now, from memory, disk or the package."""
        with self._lock:
            if self._current is None:
                self._current = self._kept() or packaged_catalogue()
            return self._current

    @property
    def is_fresh(self) -> bool:
        return 0 <= self._clock() - self.current.date < FRESH_SECONDS

    def refresh(self) -> Catalogue:
        """Ask the service now. Raises a VeniceError if that fails; the old list is kept then."""
        self._tried = self._clock()
        entries = [entry for kind in MODEL_TYPES for entry in self._entries(kind)]
        if not entries:
            raise LookupFailed("the service lists no models")
        kept = {"date": self._clock(), "entries": entries, "styles": self._styles()}
        catalogue = _catalogue(kept)
        with self._lock:
            self._current = catalogue
        try:
            write_atomically(self._path, json.dumps({"url": self._base_url, **kept}).encode())
        except OSError:
            log.exception("the list of models could not be kept")
        return catalogue

    def refresh_behind(self, on_news: Callable[[], None] = lambda: None) -> None:
        """Ask the service in a separate thread, unless the list is fresh or was just requested.

        `on_news` is called from that thread once there is a new list.
        """
        if self.is_fresh or 0 <= self._clock() - self._tried < FRESH_SECONDS:
            return
        self._tried = self._clock()

        def ask() -> None:
            try:
                self.refresh()
            except VeniceError as error:
                log.info("the list of models could not be fetched: %s %s", error.kind, error.detail)
            except Exception:
                log.exception("the list of models could not be fetched")
            else:
                on_news()

        self._waited = False
        self._refreshing = threading.Thread(target=ask, name="catalogue", daemon=True)
        self._refreshing.start()

    def known(self) -> Catalogue:
        """Return the catalogue for sending; if there has never been one, wait for it briefly, once."""
        self.refresh_behind()
        if not (self.current.date or self._waited) and self._refreshing is not None:
            self._waited = True
            self._refreshing.join(FIRST_SECONDS)
        return self.current

    def _entries(self, kind: str) -> list[Any]:
        """Return the entries of a type; none if the service does not know the type."""
        try:
            listed = lists.read_models(self._models(kind))
        except (Refused, LookupFailed):
            return []
        # an entry is of the type that was asked for, should it not say so; another was not asked for
        typed = [{**entry, "type": entry.get("type") or kind} for entry in listed if isinstance(entry, dict)]
        return [entry for entry in typed if entry["type"] == kind]

    def _models(self, kind: str) -> Response:
        try:
            return look_up(lists.models(self._base_url, kind), self._reader, self.cancel)
        except (BadKey, KeyNotReceived):
            if not self.key:
                raise
            return look_up(lists.models(self._base_url, kind, self.key), self._reader, self.cancel)

    def _styles(self) -> list[str]:
        try:
            reply = look_up(lists.styles(self._base_url), self._reader, self.cancel)
            return list(lists.read_styles(reply))
        except VeniceError:
            return list(self.current.styles)  # without them, a style is sent as it was written

    def _kept(self) -> Catalogue | None:
        try:
            return _catalogue(json.loads(self._path.read_text("utf-8")))
        except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None


def _catalogue(kept: Any) -> Catalogue:
    """Parse a stored catalogue, with the packaged models of types that the service did not list."""
    styles = [style for style in kept["styles"] if isinstance(style, str)]
    listed = read_catalogue(kept["entries"], styles=styles, date=float(kept["date"]))
    if all(listed.of_type(kind) for kind in MODEL_TYPES):
        return listed
    packaged = packaged_catalogue()
    others = [model for kind in MODEL_TYPES if not listed.of_type(kind) for model in packaged.of_type(kind)]
    return replace(listed, models={**listed.models, **{model.id: model for model in others}})
