"""What a window remembers: the last arguments that were sent, and a draft of those that were not.

GIMP itself stores only the arguments of interactive runs that succeeded.
"""

import contextlib
import json
import os

from gi.repository import Gimp, GLib, GObject

# Different in each run and never stored.
_PER_RUN = ("run-mode", "image", "drawables")


def store_last_values(config, image):
    """Store the arguments as GIMP does after an interactive run: in the profile and with the image."""
    name = config.__gtype__.name
    lines = "".join(f"({spec.name} {_serialized(config, spec)})\n" for spec in _arguments(config))
    with contextlib.suppress(OSError):
        _write(f"{name}.last", f"# settings\n\n{lines}\n# end of settings\n")
    if image.is_valid():
        data = lines.encode("ascii") + b"\0"
        image.attach_parasite(Gimp.Parasite.new(f"{name}-last", Gimp.PARASITE_PERSISTENT, data))


class Draft:
    """Arguments that were entered but not sent; they survive Escape and a crash of the plug-in."""

    def __init__(self, config):
        self._config = config
        self._name = f"{config.__gtype__.name}.draft"

    def restore(self):
        """Set the arguments to what was entered last, if that was not sent."""
        try:
            with open(_path(self._name), encoding="utf-8") as file:
                values = json.load(file)
        except (OSError, ValueError):
            return
        for spec in _arguments(self._config):
            if isinstance(values, dict) and type(values.get(spec.name)) is type(spec.get_default_value()):
                self._config.set_property(spec.name, values[spec.name])

    def keep(self):
        """Store the arguments as a draft."""
        values = {spec.name: self._config.get_property(spec.name) for spec in _arguments(self._config)}
        with contextlib.suppress(OSError):
            _write(self._name, json.dumps(values))

    def drop(self):
        """Delete the draft, because it has been sent."""
        with contextlib.suppress(OSError):
            os.remove(_path(self._name))


def _arguments(config):
    """Return the specifications of the procedure's own arguments, in order."""
    ours = [spec for spec in config.list_properties() if spec.owner_type == config.__gtype__]
    return [spec for spec in ours if spec.name not in _PER_RUN]


def _serialized(config, spec):
    """Return a value as in GIMP's settings files, in ASCII: PyGObject rejects parasites of other bytes."""
    text = GLib.String.new("")
    Gimp.config_serialize_value(GObject.Value(spec.value_type, config.get_property(spec.name)), text, True)
    return "".join(chr(byte) if byte < 128 else f"\\{byte:03o}" for byte in text.str.encode())


def _path(name):
    return os.path.join(Gimp.directory(), "plug-in-settings", name)


def _write(name, text):
    path = _path(name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(f"{path}.new", path)
