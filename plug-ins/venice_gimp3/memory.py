"""What a window remembers for the next time: what was sent last, and a draft of what was not sent.

GIMP stores the arguments of interactive runs only, and of those that succeeded.
"""

import contextlib
import json
import os

from gi.repository import Gimp, GLib, GObject

# Given anew for each run, and never stored.
_PER_RUN = ("run-mode", "image", "drawables")


def store_last_values(config, image):
    """Stores the arguments as GIMP does after an interactive run: in the profile, and with the image."""
    name = config.__gtype__.name
    lines = "".join(f"({spec.name} {_serialized(config, spec)})\n" for spec in _arguments(config))
    with contextlib.suppress(OSError):
        _write(f"{name}.last", f"# settings\n\n{lines}\n# end of settings\n")
    if image.is_valid():
        data = lines.encode("ascii") + b"\0"
        image.attach_parasite(Gimp.Parasite.new(f"{name}-last", Gimp.PARASITE_PERSISTENT, data))


class Draft:
    """The arguments that were entered and not sent: they survive Escape, and that the plug-in is killed."""

    def __init__(self, config):
        self._config = config
        self._name = f"{config.__gtype__.name}.draft"

    def restore(self):
        """Sets the arguments to what was entered the last time, if that was not sent."""
        try:
            with open(_path(self._name), encoding="utf-8") as file:
                values = json.load(file)
        except (OSError, ValueError):
            return
        for spec in _arguments(self._config):
            if isinstance(values, dict) and type(values.get(spec.name)) is type(spec.get_default_value()):
                self._config.set_property(spec.name, values[spec.name])

    def keep(self):
        values = {spec.name: self._config.get_property(spec.name) for spec in _arguments(self._config)}
        with contextlib.suppress(OSError):
            _write(self._name, json.dumps(values))

    def drop(self):
        """It has been sent."""
        with contextlib.suppress(OSError):
            os.remove(_path(self._name))


def _arguments(config):
    """The specifications of the procedure's own arguments, in their order."""
    ours = [spec for spec in config.list_properties() if spec.owner_type == config.__gtype__]
    return [spec for spec in ours if spec.name not in _PER_RUN]


def _serialized(config, spec):
    """A value in the form of GIMP's settings files, in ASCII: PyGObject makes no parasite of other bytes."""
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
