"""From a provider's name to a provider with its URL and key.

The only place that knows which providers exist.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from venice_core.errors import BadInput, MissingKey
from venice_core.network.urls import check_url, same_origin
from venice_core.providers.base import Provider
from venice_core.providers.openai.profile import ServiceProfile, ServiceProfiles
from venice_core.providers.openai.provider import OpenAI
from venice_core.providers.venice.catalogue_cache import Catalogues
from venice_core.providers.venice.model_entries import packaged_catalogue
from venice_core.providers.venice.provider import BASE_URL, KEY_VARIABLE, Venice
from venice_core.secret import Secret
from venice_core.storage.folders import Folders
from venice_core.storage.keys import IN_ENVIRONMENT, KeyStore
from venice_core.storage.settings import Settings, provider_name

VENICE, SANDBOX = "venice", "sandbox"
TITLES = {VENICE: "Venice", SANDBOX: "Sandbox (free, no AI)"}


@dataclass(frozen=True)
class ProviderSession:
    """A provider that is ready to be used."""

    name: str
    provider: Provider
    key: Secret
    key_source: str
    """Where its key came from; "" if there is none."""
    catalogues: Catalogues | None = None
    """None if there is no service to ask for a newer list of models."""
    profile: ServiceProfile | None = None
    """What defines an OpenAI-compatible service."""

    @property
    def lacks_key(self) -> bool:
        return not (self.key or self.provider.capabilities.keyless)

    @property
    def missing_key(self) -> MissingKey:
        """The error for a missing key."""
        return MissingKey(variable=self.provider.capabilities.key_variable)


class Registry:
    """Opens providers. A context manager, because the built-in sandbox is a server that must be closed."""

    def __init__(self, env: Mapping[str, str], folders: Folders) -> None:
        self._env = env
        self._cache = folders.cache
        self._catalogues: dict[str, Catalogues] = {}
        self.settings = Settings(folders.settings)
        self.keys = KeyStore(folders.settings, env)
        self._stack = ExitStack()
        self._sandbox_url = ""
        self._found: dict[tuple[str, str], tuple[Secret, str]] = {}

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *_: object) -> None:
        for catalogues in self._catalogues.values():
            catalogues.cancel.set()
        self._stack.close()

    @property
    def profiles(self) -> ServiceProfiles:
        """All profiles. Raises BadInput if those of the settings file cannot be read."""
        own = self.settings.read().get("profiles")
        if not isinstance(own, Mapping | None):
            raise BadInput(f"“profiles” in {self.settings.path} must be an object with names.")
        return ServiceProfiles(own or {})

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all providers."""
        return (VENICE, *self.profiles.names, SANDBOX)

    @property
    def titles(self) -> dict[str, str]:
        """The display name for each name; the user's own profiles go by their names."""
        built_in = ServiceProfiles()
        profiles = {name: built_in.get(name) for name in built_in.names}
        titles = TITLES | {name: profile.title for name, profile in profiles.items() if profile}
        return {name: titles.get(name, name) for name in self.names}

    @property
    def on_trial(self) -> bool:
        """Whether the user tries the sandbox until there is a key for the provider in use."""
        try:
            return bool(self.settings.read().get("trial")) and self.open().lacks_key
        except BadInput:
            return False  # what is wrong with the provider in use has to be said, and not covered up

    def look_again(self) -> None:
        """Look for missing keys again: they may have been stored meanwhile."""
        self._found = {name: found for name, found in self._found.items() if found[0]}

    def name(self, requested: str) -> str:
        """Return the name of the requested provider, "" for the default. Raises BadInput if it is unknown."""
        name = provider_name(requested, self._env, self.settings)
        if name not in self.names:
            raise BadInput(f"There is no provider “{name}”. Available: {', '.join(self.names)}.")
        return name

    def open(
        self,
        requested: str = "",
        *,
        to_send: bool = False,
        key: Secret | None = None,
        entries: Mapping[str, str] | None = None,
    ) -> ProviderSession:
        """Open a provider. A missing key is not an error. Raises BadInput for an unknown name or a bad URL.

        With `to_send`, the list of models comes from the service if it responds within a few seconds. `key`
        and `entries` replace the stored key and the entries of the profile.
        """
        name = self.name(requested)
        if name == SANDBOX:
            made_up = Secret(f"sandbox-{secrets.token_hex(8)}")
            provider = Venice(made_up, self._sandbox(), name, packaged_catalogue())
            return ProviderSession(name, provider, made_up, "built in")
        stored = self._profile(name)
        variable = stored.key_variable if stored else KEY_VARIABLE
        found, source = (key, "") if key else self._find_key(name, variable)
        if stored is not None:
            profile = (self._profile(name, entries) if entries else None) or stored
            address = (entries or {}).get("base_url") or self._address(stored)
            address = check_url(address) if address else ""
            if not key and source != IN_ENVIRONMENT and not same_origin(address, self._address(stored)):
                found, source = Secret(""), ""  # it is kept for the address that is stored
            openai = OpenAI(found, address, profile)
            return ProviderSession(name, openai, found, source, profile=profile)
        url = check_url(self._env.get("VENICE_BASE_URL") or BASE_URL)
        if url not in self._catalogues:
            self._catalogues[url] = Catalogues(url, self._cache)
        catalogues = self._catalogues[url]
        catalogues.key = found
        catalogue = catalogues.known() if to_send and found else catalogues.current
        return ProviderSession(name, Venice(found, url, name, catalogue), found, source, catalogues)

    def address_variable(self, profile: ServiceProfile) -> str:
        """Return the environment variable that sets the profile's URL; "" if none does."""
        return profile.base_url_variable if self._env.get(profile.base_url_variable) else ""

    def store_key(self, name: str, key: Secret) -> str:
        """Store a key like `KeyStore.store`; a key ends a trial of the sandbox."""
        self._found.clear()
        if key and self.settings.read().get("trial"):
            self.settings.update(trial=False)
        return self.keys.store(name, key)

    def set_profile(self, name: str, changes: Mapping[str, Any]) -> None:
        """Add a profile to the settings, or change entries of one; None removes an entry.

        If it leads to another server, the key is removed, because it was for the previous one. Raises
        BadInput, and stores nothing, if the profile could not be used.
        """
        self._forget_key_unless_for(self._profile(name, changes), name)
        kept = self.settings.read().get("profiles") or {}
        self.settings.update(profiles={**kept, name: self.profiles.merged(name, changes)})

    def _profile(self, name: str, changes: Mapping[str, Any] | None = None) -> ServiceProfile | None:
        """Return the profile as it is or with changes; None for a provider without one. Raises BadInput."""
        profiles = self.profiles
        if changes is None:
            found = profiles.get(name)
        else:
            found = profiles.parse(name, profiles.merged(name, changes))
        if (
            found
            and name not in profiles.bases
            and found.key_variable in {KEY_VARIABLE, *profiles.key_variables}
        ):
            raise BadInput(
                f"The provider “{name}” in the settings: “key_variable” cannot be {found.key_variable}, "
                "which belongs to another provider."
            )
        return found

    def _forget_key_unless_for(self, after: ServiceProfile | None, name: str) -> None:
        """Remove the stored key unless the profile still exists (`after`) and leads to the same server."""
        try:
            before = self.profiles.get(name)
        except BadInput:
            before = None  # where it was sent cannot be read
        if after is None or (before and not same_origin(before.base_url, after.base_url)):
            self.store_key(name, Secret(""))

    def _address(self, profile: ServiceProfile) -> str:
        return self._env.get(self.address_variable(profile)) or profile.base_url

    def forget_profile(self, name: str) -> None:
        """Remove a profile from the settings, and its key unless it is built in and leads to the same server.

        Raises BadInput if there is nothing to remove.
        """
        profiles, values = self.profiles, self.settings.read()
        if not profiles.is_changed(name):
            known = "is built in and has not been changed" if name in self.names else "does not exist"
            raise BadInput(f"The provider “{name}” {known}.")
        built_in = ServiceProfiles().get(name)
        self._forget_key_unless_for(built_in, name)
        chosen = values.get("provider")
        if chosen == name and built_in is None:
            chosen = None
        own = {each: entries for each, entries in values["profiles"].items() if each != name}
        self.settings.update(profiles=own, provider=chosen)

    def _find_key(self, name: str, variable: str) -> tuple[Secret, str]:
        """Look for a key, once, because a locked keyring takes its time on every attempt."""
        if (name, variable) not in self._found:
            self._found[name, variable] = self.keys.find(name, variable)
        return self._found[name, variable]

    def _sandbox(self) -> str:
        if not self._sandbox_url:
            from venice_core.sandbox import Sandbox  # noqa: PLC0415 - only who plays needs a server

            self._sandbox_url = self._stack.enter_context(Sandbox()).url
        return self._sandbox_url
