"""One task: from what is selected in GIMP, over the worker, to new layers.

The steps are separate, so that a window can stay alive between them: `ask_plan` (what would be sent),
`start` (pixels out, then the job runs in the worker), `place` (the results into the image).
"""

import contextlib

import host
import venice_link
from gi.repository import Gimp

STAGES = {
    "preparing": "Preparing…",
    "uploading": "Uploading…",
    "waiting": "Waiting for the service…",
    "retrying": "The service is busy: waiting for its leave…",
    "downloading": "Downloading…",
    "fitting": "Fitting the result…",
}


class PlanChanged(Exception):
    """What is about to be sent, or its price, is not what the person has seen."""

    def __init__(self, plan):
        super().__init__("Please look at what will be sent now and at its price, then press Send again.")
        self.plan = plan


class Task:
    """`config` is the procedure's; its values are read anew at each step.

    `options` are the worker's, `own_options` GIMP's alone; both are the procedure's arguments.
    """

    action = ""
    title = ""
    options = ()
    own_options = ()
    makes_image = False

    def __init__(self, image, drawables, config, link):
        self._image = image
        self._config = config
        self._link = link
        self._told = []
        self._told_offer = None
        self._sent_from = None
        self._layer, self._references = self._pick(drawables)

    def ask_plan(self):
        """Asks the worker what would be sent and returns the call's number. Raises LinkError, HostError."""
        return self._link.send("plan", self._describe())

    def told(self, plan):
        """Remembers that a person has seen this plan with its warnings."""
        self._told = plan["warnings"]
        self._told_offer = _offer(plan)

    def start(self, on_wait=None):
        """Exports the pixels, starts the job and returns the call's number. Raises LinkError, HostError.

        `on_wait` is for a window: it is called while the worker makes sure of the price, and then what the
        person was `told` must hold: else it raises PlanChanged.
        """
        described = self._describe()
        plan = self._link.call("plan", dict(described, to_send=True), on_wait, 0.05)
        if on_wait is not None and _offer(plan) != self._told_offer:
            raise PlanChanged(plan)
        if not plan["key"]:
            # The worker's own words for it, before a pixel is copied.
            return self._link.send("run", dict(described, source=self._link.write("source", b"")))
        self._export(plan, described)
        return self._link.send("run", described)

    def place(self, value):
        """Puts the worker's results into the image, as one undo step: (image, layers, warnings).

        The warnings are those that have not been `told` already.
        """
        warnings = [warning for warning in value["warnings"] if warning not in self._told]
        made = [_Made(result, self._host_options()) for result in value["results"]]
        image, source = self._image, self._layer
        if not image.is_valid():
            image, source = host.new_image(made[0].crop), None
            made = [each.at_origin() for each in made]
            warnings.append("The image was closed meanwhile: the result is an image of its own.")
            layers = self._add_all(image, source, made, warnings)
            host.show(image)
        else:
            with host.kept_choice(image), host.undo_group(image):
                layers = self._add_all(image, source, made, warnings)
        self._tell_placed(made)
        return image, layers, warnings

    def _pick(self, drawables):
        """(the layer to work on, further layers as references). Raises HostError."""
        return host.pick_layer(self._image, drawables), []

    def _area(self):
        """What the result may cover."""
        return host.bounds_of(self._layer)

    def _sees_selection(self):
        return True

    def _export(self, plan, described):
        """Writes the crop's pixels, and names them in the message."""
        self._sent_from = host.bounds_of(self._layer)
        pixels, wide = self._read(plan["crop"])
        described["source"] = self._link.write("source", pixels)
        if wide is not None:
            described["wide"] = self._link.write("wide", wide)

    def _read(self, crop):
        return host.read_shown(self._image, self._layer, crop)

    def _add_all(self, image, source, made, warnings):
        """The results as layers, topmost first; of several wanted variations, in a group of their own."""
        if source is not None and not source.is_valid():
            warnings.append("The source layer is gone: the result lies at the top of the image.")
            source = None
        if made[0].variations == 1:
            return [self._add(image, source, made[0], warnings)]
        warnings += _limits_of(image, source)
        group = host.add_group(image, source, made[0].name)
        return [
            host.add_variation(
                image, group, number, each.crop, each.pixels, each.mask, each.name, each.recipe
            )
            for number, each in enumerate(made)
        ]

    def _add(self, image, source, made, warnings):
        warnings += _limits_of(image, source)
        return host.add_result(image, source, made.crop, made.pixels, made.mask, made.name, made.recipe)

    def _tell_placed(self, made):
        # The result is there: that its working files stay must not make it look like a failure.
        with contextlib.suppress(venice_link.LinkError):
            for job in {each.job for each in made}:
                self._link.call("placed", {"job": job})

    def _describe(self):
        """The job as the worker knows it, and the file with the selection's coverage."""
        if self._layer is not None and not self._layer.is_valid():
            raise host.HostError("The layer is gone.")
        options = {name: self._value(name) for name in self.options}
        job = {
            "action": self.action,
            "layer": self._area(),
            "canvas": host.canvas_of(self._image),
            "options": options,
            "references": [host.extent_of(layer) for layer in self._references],
        }
        if not self._sees_selection():
            return {"job": job}
        window, coverage = host.read_selection(self._image)
        if window is None:
            return {"job": job}
        job["window"] = window
        return {"job": job, "coverage": self._link.write("coverage", coverage)}

    def _value(self, name):
        """An option's; GIMP gives an empty text as None where the caller left it at its default."""
        value = self._config.get_property(name)
        return "" if value is None else value

    def _host_options(self):
        return {name: self._value(name) for name in self.own_options}


class EditTask(Task):
    action = "edit"
    title = "Edit with Prompt"
    options = (
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
        "output",
    )
    own_options = ("sample",)

    def _pick(self, drawables):
        return host.pick_layers(self._image, drawables)

    def _sees_visible(self):
        return self._value("sample") == "visible"

    def _sees_selection(self):
        return self._value("selection") != "ignore"

    def _area(self):
        layer = host.bounds_of(self._layer)
        if not self._sees_visible():
            return layer
        seen = host.intersection(layer, host.canvas_bounds_of(self._image))
        if seen is None:
            raise host.HostError("The layer lies wholly outside the canvas.")
        return seen

    def _read(self, crop):
        if self._sees_visible():
            return host.read_visible(self._image, crop)
        return super()._read(crop)

    def _export(self, plan, described):
        super()._export(plan, described)
        names = []
        for number, layer in enumerate(self._references):
            pixels, _ = host.read_shown(self._image, layer, host.bounds_of(layer))
            names.append(self._link.write(f"reference-{number}", pixels))
        described["references"] = names


class CutoutTask(Task):
    action = "cutout"
    title = "Remove Background"
    options = ("defringe", "provider")
    own_options = ("output",)

    def _add(self, image, source, made, warnings):
        if source is None:
            return super()._add(image, source, made, warnings)
        name = f"{made.name} · {source.get_name()}"
        before, now = self._sent_from, host.bounds_of(source)
        if (now["width"], now["height"]) == (before["width"], before["height"]):
            crop = made.crop
            moved = dict(crop, x=crop["x"] + now["x"] - before["x"], y=crop["y"] + now["y"] - before["y"])
            placed = (image, source, moved, made.mask, name, made.recipe)
            if self._value("output") == "layer":
                return host.add_cutout(*placed, made.pixels, made.rim)
            return host.add_masked_copy(*placed)
        warnings.append("The source layer's size has changed: the result is the cut-out of what was sent.")
        warnings += _limits_of(image, source)
        return host.add_result(image, source, made.crop, made.pixels, None, name, made.recipe)


class GenerateTask(Task):
    action = "generate"
    title = "Generate Layer"
    options = (
        "prompt",
        "negative-prompt",
        "model",
        "style",
        "seed",
        "variations",
        "aspect-ratio",
        "resolution",
        "safe-mode",
        "provider",
    )

    def _pick(self, drawables):
        return host.pick_place(self._image, drawables), []

    def _area(self):
        return host.canvas_bounds_of(self._image)

    def _export(self, plan, described):
        """Nothing leaves the image."""


class UpscaleTask(Task):
    action = "upscale"
    title = "Upscale Layer"
    options = ("scale", "provider")
    makes_image = True

    def place(self, value):
        """Always a new image, named after the layer."""
        warnings = [warning for warning in value["warnings"] if warning not in self._told]
        made = _Made(value["results"][0], self._host_options())
        known = self._layer.is_valid()
        source = self._layer.get_name() if known else "Upscaled"
        image = host.new_image(made.crop, like=self._image if self._image.is_valid() else None)
        layer = host.add_result(
            image, None, made.crop, made.pixels, made.mask, f"{source} · {made.name}", made.recipe
        )
        factor = made.crop["width"] / self._sent_from["width"]
        host.name_image(image, f"{source} {factor:.3g}x", self._image)
        self._tell_placed([made])
        return image, [layer], warnings

    def _pick(self, drawables):
        return host.pick_layer(self._image, drawables, for_reading=True), []

    def _sees_selection(self):
        return False

    def _value(self, name):
        value = super()._value(name)
        return int(value) if name == "scale" else value


TASKS = {
    "plug-in-venice-edit": EditTask,
    "plug-in-venice-remove-background": CutoutTask,
    "plug-in-venice-generate": GenerateTask,
    "plug-in-venice-upscale": UpscaleTask,
}


class _Made:
    """One result as the worker left it."""

    def __init__(self, result, host_options):
        self.job, self.crop, self.name = result["job"], result["crop"], result["name"]
        self.pixels, self.mask, self.rim = (_load(result[name]) for name in ("pixels", "mask", "rim"))
        self.recipe = dict(result["recipe"], host=host_options)
        self.variations = result["recipe"]["options"]["variations"]

    def at_origin(self):
        self.crop = dict(self.crop, x=0, y=0)
        return self


def _offer(plan):
    """What a person agrees to by sending it."""
    return [plan[name] for name in ("provider", "endpoint", "model", "total")]


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
    if source is not None and (source.get_opacity() < 100.0 or source.get_mode() != Gimp.LayerMode.NORMAL):
        warnings.append(
            "The source layer has an opacity or mode of its own; the result layer is Normal, 100 %."
        )
    return warnings
