"""From a provider's name to a provider with its address and key."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from venice_core.errors import BadInput
from venice_core.providers.capabilities import Catalogue
from venice_core.providers.catalogues import Catalogues
from venice_core.providers.venice import BASE_URL, Venice
from venice_core.settings import Folders, KeyStore, Secret, Settings, provider_name
from venice_core.transport import check_url

NAMES = ("venice", "sandbox")


@dataclass(frozen=True)
class Opened:
    """A provider that can be used, and where its key came from ("": there is none).

    `catalogues` is None where there is nobody to ask for another list of models.
    """

    name: str
    provider: Venice
    key: Secret
    key_source: str
    catalogues: Catalogues | None = None


class Registry:
    """Opens providers; a context manager, since the built-in sandbox is a server to be ended."""

    def __init__(self, env: Mapping[str, str], folders: Folders) -> None:
        self._env = env
        self._cache = folders.cache
        self._catalogues: dict[str, Catalogues] = {}
        self.settings = Settings(folders.settings)
        self.keys = KeyStore(folders.settings, env)
        self._stack = ExitStack()
        self._sandbox_url = ""
        self._found: dict[str, tuple[Secret, str]] = {}

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *_: object) -> None:
        for catalogues in self._catalogues.values():
            catalogues.cancel.set()
        self._stack.close()

    def name(self, wish: str) -> str:
        """The provider's name that a wish ("" for none) comes to. Raises BadInput for an unknown one."""
        name = provider_name(wish, self._env, self.settings)
        if name == "openai":
            raise BadInput("OpenAI-compatible services cannot be used yet.")
        if name not in NAMES:
            raise BadInput(f"There is no provider “{name}”; there are: {', '.join(NAMES)}.")
        return name

    def open(self, wish: str = "", *, to_send: bool = False) -> Opened:
        """Raises BadInput for an unknown name or a bad address. A missing key is not an error here.

        `to_send`: with the list of models as the service tells it, if it can be had in a few seconds.
        """
        name = self.name(wish)
        if name == "sandbox":
            key = Secret(f"sandbox-{secrets.token_hex(8)}")
            provider = Venice(key, self._sandbox(), name, Catalogue.packaged(), free=True)
            return Opened(name, provider, key, "built in")
        url = check_url(self._env.get("VENICE_BASE_URL") or BASE_URL)
        if url not in self._catalogues:
            self._catalogues[url] = Catalogues(url, self._cache)
        catalogues = self._catalogues[url]
        key, source = self._find_key(name)
        catalogue = catalogues.known() if to_send and key else catalogues.current
        return Opened(name, Venice(key, url, name, catalogue), key, source, catalogues)

    def with_key(self, opened: Opened, key: Secret) -> Opened:
        """The same with a key that is not stored (yet)."""
        return replace(opened, provider=replace(opened.provider, key=key), key=key)

    def store_key(self, name: str, key: Secret) -> str:
        """As `KeyStore.store`."""
        self._found.pop(name, None)
        return self.keys.store(name, key)

    def _find_key(self, name: str) -> tuple[Secret, str]:
        """Asked once: a locked keyring takes its time, each time."""
        if name not in self._found:
            self._found[name] = self.keys.find(name)
        return self._found[name]

    def _sandbox(self) -> str:
        if not self._sandbox_url:
            from venice_core.sandbox import Sandbox  # noqa: PLC0415 - only who plays needs a server

            self._sandbox_url = self._stack.enter_context(Sandbox()).url
        return self._sandbox_url
