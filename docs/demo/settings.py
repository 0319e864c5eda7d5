"""Print the provider, where its key comes from (never the key), and the folders with settings and results."""

import json
import os

from venice_core.storage.folders import Folders
from venice_core.storage.keys import KeyStore
from venice_core.storage.settings import Settings, provider_name

folders = Folders.of(os.environ)
provider = provider_name("", os.environ, Settings(folders.settings))
_, key = KeyStore(folders.settings, os.environ).find(provider)
kept = [str(folder) for folder in (folders.settings, folders.jobs) if folder.exists()]
print(json.dumps({"provider": provider, "key": key, "kept": kept}))
