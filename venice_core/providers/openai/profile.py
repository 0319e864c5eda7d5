"""A service with an OpenAI-compatible images API, as data: its URL, key, models and dialect.

The built-in ones (`data/profiles.json`) and those of the settings file have the same form, which
docs/providers.md describes entry by entry.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from venice_core.errors import BadInput
from venice_core.planning.capabilities import Catalogue
from venice_core.planning.price import FREE_PROVIDERS
from venice_core.providers.openai.dialect import ENTRIES, Dialect
from venice_core.providers.openai.entry_reader import EntryReader

RESERVED = ("venice", *FREE_PROVIDERS)
DEFAULT_BASE = "self-hosted"
"""The profile on which a user's profile is based by default."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OWN = ("title", "base_url", "base_url_variable", "key", "key_variable", "model", "models")
ALL_ENTRIES = ("based_on", *_OWN, *ENTRIES)
"""What a profile in the settings file may contain."""
_FIELD_BY_FIELD = ("limits", "fields", "edit_fields", "generate_fields", "unsafe_generate_fields")
_ITS_OWN = ("title", "base_url", "base_url_variable", "key_variable", "price_usd", "token_prices_usd")
"""What belongs to a service: those based on it must not inherit its key or its prices."""


@dataclass(frozen=True)
class ServiceProfile:
    """A service with an OpenAI-compatible images API."""

    name: str
    title: str = ""
    based_on: str = ""
    """The profile that supplies the entries that are missing here."""
    base_url: str = ""
    base_url_variable: str = ""
    key_variable: str = ""
    keyless: bool = False
    model: str = ""
    dialect: Dialect = field(default_factory=Dialect)
    models: Mapping[str, Dialect] = field(default_factory=dict)
    entries: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """As read, including inherited ones, without null ones."""
    model_entries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """The same by model."""

    def dialect_of(self, model: str) -> Dialect:
        return self.models.get(model, self.dialect)

    @property
    def catalogue(self) -> Catalogue:
        names = dict.fromkeys([*([self.model] if self.model else []), *self.models])
        listed = {name: self.dialect_of(name).model(name, name) for name in names}
        return Catalogue(listed, unlisted=self.dialect.model("", self.title))

    @property
    def managed(self) -> set[str]:
        """Fields that the plan sets, with any model."""
        return self.dialect.managed.union(*(dialect.managed for dialect in self.models.values()))

    def layers_for(self, name: str) -> tuple[Mapping[str, Any], Mapping[str, Mapping[str, Any]]]:
        """Return the entries that a profile of that name inherits: all of them if it is this one, changed."""
        if name == self.name:
            return self.entries, self.model_entries
        return _handed_down(self.entries), {each: _handed_down(m) for each, m in self.model_entries.items()}

    @classmethod
    def parse(cls, name: str, entries: Any, base: ServiceProfile | None = None) -> ServiceProfile:
        """Read a profile. Raises BadInput that names the profile, the entry and what it should be."""
        if not _NAME.fullmatch(name) or name in RESERVED:
            raise BadInput(
                f"“{name}” cannot be the name of a provider: use lowercase letters, digits, “-” and "
                "“_”; venice and sandbox are reserved."
            )
        if not isinstance(entries, Mapping):
            raise BadInput(f"The provider “{name}” in the settings must be an object with entries.")
        reader = EntryReader(name)
        for entry in entries:
            if entry not in ALL_ENTRIES:
                raise reader.unknown(entry, ALL_ENTRIES)
        top, models = _layered(reader, entries, base.layers_for(name) if base else ({}, {}))
        variables = {
            entry: reader.matching(_VARIABLE, entry, top.get(entry, ""))
            for entry in ("base_url_variable", "key_variable")
        }
        return cls(
            name=name,
            title=reader.text("title", top.get("title", name)),
            based_on=base.name if base else "",
            base_url=reader.url("base_url", top.get("base_url", "")),
            base_url_variable=variables["base_url_variable"],
            key_variable=variables["key_variable"],
            keyless=reader.one_of("key", top.get("key", "required"), ("required", "optional")) == "optional",
            model=reader.text("model", top.get("model", "")),
            dialect=Dialect.parse(name, _dialect_of(top)),
            models={each: Dialect.parse(name, m, within=f"models.{each}.") for each, m in models.items()},
            entries=top,
            model_entries=models,
        )


def _dialect_of(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {entry: value for entry, value in entries.items() if entry in ENTRIES}


_Entries = Mapping[str, Any]


def _layered(
    reader: EntryReader, entries: _Entries, base: tuple[_Entries, Mapping[str, _Entries]]
) -> tuple[_Entries, Mapping[str, _Entries]]:
    """Return the entries of a service and of each of its models on top of those of its base.

    What is set for all models applies to each, unless it is set for that one.
    """
    inherited, models = base
    own = {entry: value for entry, value in entries.items() if entry != "models"}
    top = _merged(inherited, own)
    changed = entries.get("models", {})
    if changed is None:
        return top, {}
    layered = {name: _merged(model, _dialect_of(own)) for name, model in models.items()}
    for name, changes in reader.object("models", changed).items():
        if changes is None:
            layered.pop(name, None)
            continue
        of_model = reader.object(f"models.{name}", changes, known=ENTRIES)
        layered[name] = _merged(layered.get(name, _dialect_of(top)), of_model)
    return top, layered


def _handed_down(entries: _Entries) -> dict[str, Any]:
    """Return the entries that services based on this one inherit."""
    return {entry: value for entry, value in entries.items() if entry not in _ITS_OWN}


def _merged(entries: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Merge entry by entry, and objects of fields and limits field by field; null removes an entry."""
    merged = dict(entries)
    for entry, value in changes.items():
        before = merged.get(entry)
        if entry in _FIELD_BY_FIELD and isinstance(value, Mapping) and isinstance(before, Mapping):
            merged[entry] = {key: each for key, each in {**before, **value}.items() if each is not None}
        else:
            merged[entry] = value
    return {entry: value for entry, value in merged.items() if value is not None and entry != "based_on"}


@cache
def _builtin() -> Mapping[str, ServiceProfile]:
    text = (resources.files(__package__) / "data" / "profiles.json").read_text("utf-8")
    return {name: ServiceProfile.parse(name, entries) for name, entries in json.loads(text).items()}


class ServiceProfiles:
    """All profiles; `own` are those of the settings file by name, unparsed.

    One with the name of a built-in profile changes that one. Errors in a profile appear when it is requested,
    so that they do not affect the others.
    """

    def __init__(self, own: Mapping[str, Any] | None = None) -> None:
        self._builtin = _builtin()
        self._own = {name: entries for name, entries in (own or {}).items() if name not in RESERVED}

    @property
    def names(self) -> tuple[str, ...]:
        """The names, built-in ones first."""
        return tuple(dict.fromkeys([*self._builtin, *self._own]))

    @property
    def key_variables(self) -> set[str]:
        """The environment variables for keys of built-in profiles."""
        return {profile.key_variable for profile in self._builtin.values()}

    @property
    def bases(self) -> tuple[str, ...]:
        """The profiles on which a user's profile can be based."""
        return tuple(self._builtin)

    def is_changed(self, name: str) -> bool:
        """Return whether the settings file has entries for it: its own, or changes to a built-in profile."""
        return name in self._own

    def get(self, name: str) -> ServiceProfile | None:
        """Return a profile, or None if there is none of that name. Raises BadInput if it is invalid."""
        if name in self._own:
            return self.parse(name, self._own[name])
        return self._builtin.get(name)

    def merged(self, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return the entries of a profile in the settings file with changes; None removes an entry."""
        before = self._own.get(name)
        kept = dict(before) if isinstance(before, Mapping) else {}
        gone = [entry for entry, value in changes.items() if value is None]
        return {entry: value for entry, value in {**kept, **changes}.items() if entry not in gone}

    def parse(self, name: str, entries: Any) -> ServiceProfile:
        """Parse a profile of the settings file. Raises BadInput that says what is wrong with it."""
        based_on = entries.get("based_on") if isinstance(entries, Mapping) else None
        if name in self._builtin:
            if based_on not in (None, name):
                raise BadInput(f"The provider “{name}” is built in: it cannot be based on another one.")
            return ServiceProfile.parse(name, entries, self._builtin[name])
        base = self._builtin.get(DEFAULT_BASE if based_on is None else str(based_on))
        if base is None:
            raise EntryReader(name).wrong("based_on", f"one of {', '.join(self._builtin)}")
        return ServiceProfile.parse(name, entries, base)
