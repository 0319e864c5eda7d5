"""A service with an OpenAI-compatible images API, as data: its address, its key, its models, their dialect.

The built-in ones (`data/profiles.json`) and those of the settings file have the same form, which
docs/providers.md describes entry by entry.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from venice_core.errors import BadInput
from venice_core.providers.capabilities import Catalogue
from venice_core.providers.dialect import ENTRIES, Dialect
from venice_core.providers.entries import Reader

RESERVED = ("venice", "sandbox")
DEFAULT_BASE = "self-hosted"
"""What a profile of one's own takes its dialect from, where it does not say."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OWN = ("title", "base_url", "base_url_variable", "key", "key_variable", "model", "models")
ALL_ENTRIES = ("based_on", *_OWN, *ENTRIES)
"""What a profile in the settings file may hold."""
_ITS_OWN = ("title", "base_url", "base_url_variable", "key_variable", "price_usd", "token_prices_usd")
"""What is a service's own: one that is based on it must not take its key or its prices over."""


@dataclass(frozen=True)
class Profile:
    """`based_on`: the profile whose entries it takes where it has none. `entries`: as they were read."""

    name: str
    title: str = ""
    based_on: str = ""
    base_url: str = ""
    base_url_variable: str = ""
    key_variable: str = ""
    keyless: bool = False
    model: str = ""
    dialect: Dialect = field(default_factory=Dialect)
    models: Mapping[str, Dialect] = field(default_factory=dict)
    entries: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def dialect_of(self, model: str) -> Dialect:
        return self.models.get(model, self.dialect)

    @property
    def catalogue(self) -> Catalogue:
        names = dict.fromkeys([*([self.model] if self.model else []), *self.models])
        listed = {name: self.dialect_of(name).model(name, name) for name in names}
        return Catalogue(listed, unlisted=self.dialect.model("", self.title))

    @classmethod
    def parse(cls, name: str, entries: Any, base: Profile | None = None) -> Profile:
        """From JSON. Raises BadInput that names the profile, the entry and what it should be."""
        if not _NAME.fullmatch(name) or name in RESERVED:
            raise BadInput(
                f"“{name}” cannot be the name of a provider of your own: take small letters, digits, “-” and "
                "“_”, and not venice or sandbox."
            )
        if not isinstance(entries, Mapping):
            raise BadInput(f"The provider “{name}” in the settings must be an object with entries.")
        own = {key: value for key, value in entries.items() if key != "based_on"}
        if base is not None:
            own = {**(base.entries if base.name == name else _handed_down(base.entries)), **own}
        own = {key: value for key, value in own.items() if value is not None}  # null takes an entry away
        reader = Reader(name)
        for entry in own:
            if entry not in ALL_ENTRIES:
                raise reader.unknown(entry, ALL_ENTRIES)
        dialect = {key: value for key, value in own.items() if key in ENTRIES}
        variables = {
            entry: reader.matching(_VARIABLE, entry, own.get(entry, ""))
            for entry in ("base_url_variable", "key_variable")
        }
        models = reader.object("models", own.get("models", {}))
        return cls(
            name=name,
            title=reader.text("title", own.get("title", name)),
            based_on=base.name if base else "",
            base_url=reader.url("base_url", own.get("base_url", "")),
            base_url_variable=variables["base_url_variable"],
            key_variable=variables["key_variable"],
            keyless=reader.one_of("key", own.get("key", "required"), ("required", "optional")) == "optional",
            model=reader.text("model", own.get("model", "")),
            dialect=Dialect.parse(name, dialect),
            models={
                each: _of_model(name, each, dialect, reader.object(f"models.{each}", changes, known=ENTRIES))
                for each, changes in models.items()
            },
            entries=own,
        )


def _of_model(name: str, model: str, dialect: Mapping[str, Any], changes: Mapping[str, Any]) -> Dialect:
    """The profile's dialect with what differs for a model, where null takes an entry away, too."""
    entries = {entry: value for entry, value in {**dialect, **changes}.items() if value is not None}
    return Dialect.parse(name, entries, within=f"models.{model}.")


def _handed_down(entries: Mapping[str, Any]) -> dict[str, Any]:
    """What a service has in common with those that are based on it."""
    kept = {entry: value for entry, value in entries.items() if entry not in _ITS_OWN}
    if "models" in kept:
        kept["models"] = {name: _handed_down(each) for name, each in kept["models"].items()}
    return kept


class Profiles:
    """`own`: those of the settings file by name, as they stand there.

    One with the name of a built-in profile changes that one. What is wrong with one shows when it is asked
    for: it must not cost the others.
    """

    def __init__(self, own: Any = None) -> None:
        self._builtin = _builtin()
        named = own if isinstance(own, Mapping) else {}
        self._own = {name: entries for name, entries in named.items() if name not in RESERVED}

    @property
    def names(self) -> tuple[str, ...]:
        """The built-in ones first."""
        return tuple(dict.fromkeys([*self._builtin, *self._own]))

    @property
    def bases(self) -> tuple[str, ...]:
        """What a profile of one's own can be based on."""
        return tuple(self._builtin)

    def is_changed(self, name: str) -> bool:
        """Whether the settings file says something of it: all of one's own, or changes to a built-in one."""
        return name in self._own

    def get(self, name: str) -> Profile | None:
        """None where there is none of that name. Raises BadInput for one that cannot be read."""
        if name in self._own:
            return self.parse(name, self._own[name])
        return self._builtin.get(name)

    def merged(self, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The entries of a profile in the settings file, changed; an entry changed to None goes."""
        before = self._own.get(name)
        kept = dict(before) if isinstance(before, Mapping) else {}
        gone = [entry for entry, value in changes.items() if value is None]
        return {entry: value for entry, value in {**kept, **changes}.items() if entry not in gone}

    def parse(self, name: str, entries: Any) -> Profile:
        """A profile of the settings file. Raises BadInput that says what is wrong with it."""
        base = self._builtin.get(name)
        if base is None:
            wish = entries.get("based_on", DEFAULT_BASE) if isinstance(entries, Mapping) else DEFAULT_BASE
            base = self._builtin.get(wish) if isinstance(wish, str) else None
            if base is None:
                raise BadInput(
                    f"The provider “{name}” in the settings: “based_on” must be one of "
                    f"{', '.join(self._builtin)}."
                )
        return Profile.parse(name, entries, base)


def _builtin() -> dict[str, Profile]:
    text = resources.files("venice_core").joinpath("data", "profiles.json").read_text("utf-8")
    return {name: Profile.parse(name, entries) for name, entries in json.loads(text).items()}
