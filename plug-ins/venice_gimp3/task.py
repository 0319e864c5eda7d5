"""One task: from what is selected in GIMP, over the worker, to new layers.

The steps are separate, so that a window can stay alive between them: `ask_plan` (what would be sent),
`start` (pixels out, then the job runs in the worker), `place` (the result into the image).
"""

import contextlib

import host
import venice_link
from gi.repository import Gimp

OPTIONS = {
    "plug-in-venice-edit": (
        "prompt",
        "model",
        "selection",
        "context",
        "grow",
        "feather",
        "variations",
        "aspect-ratio",
        "resolution",
        "quality",
        "safe-mode",
        "enhance-prompt",
        "align",
        "match-colors",
        "provider",
    ),
    "plug-in-venice-remove-background": ("defringe", "provider"),
}
ACTIONS = {"plug-in-venice-edit": "edit", "plug-in-venice-remove-background": "cutout"}
TITLES = {
    "plug-in-venice-edit": "Edit with Prompt",
    "plug-in-venice-remove-background": "Remove Background",
}

STAGES = {
    "preparing": "Preparing…",
    "uploading": "Uploading…",
    "waiting": "Waiting for the service…",
    "retrying": "The service is busy: trying once more…",
    "downloading": "Downloading…",
    "fitting": "Fitting the result…",
}


class Task:
    """`config` is the procedure's; its values are read anew at each step."""

    def __init__(self, procedure_name, image, drawables, config, link):
        self._name = procedure_name
        self._image = image
        self._layer = host.pick_layer(image, drawables)
        self._config = config
        self._link = link
        self._told = []
        self._sent_from = None

    def options(self):
        """By name; GIMP gives an empty text as None where the caller left it at its default."""
        values = {name: self._config.get_property(name) for name in OPTIONS[self._name]}
        return {name: "" if value is None else value for name, value in values.items()}

    def ask_plan(self):
        """Asks the worker what would be sent and returns the call's number. Raises LinkError, HostError."""
        return self._link.send("plan", self._describe())

    def told(self, plan):
        """Remembers that a person has seen this plan with its warnings."""
        self._told = plan["warnings"]

    def start(self):
        """Exports the pixels, starts the job and returns the call's number. Raises LinkError, HostError."""
        described = self._describe()
        plan = self._link.call("plan", described)
        if not plan["key"]:
            # The worker's own words for it, before a pixel is copied.
            return self._link.send("run", dict(described, source=self._link.write("source", b"")))
        crop = plan["crop"]
        self._sent_from = host.bounds_of(self._layer)
        if self._sees_visible():
            pixels, wide = host.read_visible(self._image, crop)
        else:
            pixels, wide = host.read_shown(self._image, self._layer, crop)
        described["source"] = self._link.write("source", pixels)
        if wide is not None:
            described["wide"] = self._link.write("wide", wide)
        return self._link.send("run", described)

    def place(self, value):
        """Puts the worker's result into the image, as one undo step: (image, layers, warnings).

        The warnings are those that have not been `told` already.
        """
        pixels, mask = _load(value["pixels"]), _load(value["mask"])
        crop, name = value["crop"], value["name"]
        recipe = dict(value["recipe"], host=self._host_options())
        warnings = [warning for warning in value["warnings"] if warning not in self._told]
        image, source = self._image, self._layer
        if not image.is_valid():
            image, layer = host.open_as_image(crop, pixels, mask, name, recipe)
            warnings.append("The image was closed meanwhile: the result is an image of its own.")
        else:
            with host.kept_choice(image), host.undo_group(image):
                layer = self._add(image, source, crop, pixels, mask, name, recipe, warnings)
        # The result is there: that its working files stay must not make it look like a failure.
        with contextlib.suppress(venice_link.LinkError):
            self._link.call("placed", {"job": value["job"]})
        return image, [layer], warnings

    def _add(self, image, source, crop, pixels, mask, name, recipe, warnings):
        if not source.is_valid():
            warnings.append("The source layer is gone: the result lies at the top of the image.")
            return host.add_result(image, None, crop, pixels, mask, name, recipe)
        if ACTIONS[self._name] == "cutout":
            name = f"{name} · {source.get_name()}"
            before, now = self._sent_from, host.bounds_of(source)
            if (now["width"], now["height"]) == (before["width"], before["height"]):
                moved = dict(crop, x=crop["x"] + now["x"] - before["x"], y=crop["y"] + now["y"] - before["y"])
                as_layer = self._config.get_property("output") == "layer"
                add = host.add_cutout if as_layer else host.add_masked_copy
                return add(image, source, moved, mask, name, recipe)
            warnings.append("The source layer's size has changed: the result is what the service sent back.")
            mask = None
        warnings += _limits_of(image, source)
        return host.add_result(image, source, crop, pixels, mask, name, recipe)

    def _describe(self):
        """The job as the worker knows it, and the file with the selection's coverage."""
        if not self._layer.is_valid():
            raise host.HostError("The layer is gone.")
        canvas = host.canvas_of(self._image)
        layer = host.bounds_of(self._layer)
        if self._sees_visible():
            layer = host.intersection(layer, dict(canvas, x=0, y=0))
            if layer is None:
                raise host.HostError("The layer lies wholly outside the canvas.")
        options = self.options()
        job = {"action": ACTIONS[self._name], "layer": layer, "canvas": canvas, "options": options}
        if options.get("selection") == "ignore":
            return {"job": job}
        window, coverage = host.read_selection(self._image)
        if window is None:
            return {"job": job}
        job["window"] = window
        return {"job": job, "coverage": self._link.write("coverage", coverage)}

    def _host_options(self):
        """The options that are GIMP's alone, for the recipe."""
        names = {"edit": ["sample"], "cutout": ["output"]}[ACTIONS[self._name]]
        return {name: self._config.get_property(name) for name in names}

    def _sees_visible(self):
        return self._name == "plug-in-venice-edit" and self._config.get_property("sample") == "visible"


def _load(path):
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()


def _limits_of(image, source):
    """What people should know about a result in this image."""
    warnings = []
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        warnings.append("The image is indexed: the result has only the colours of its palette.")
    elif image.get_base_type() == Gimp.ImageBaseType.GRAY:
        warnings.append("The image is greyscale: so is the result.")
    if source.get_opacity() < 100.0 or source.get_mode() != Gimp.LayerMode.NORMAL:
        warnings.append(
            "The source layer has an opacity or mode of its own; the result layer is Normal, 100 %."
        )
    return warnings
