# -*- coding: utf-8 -*-
"""The four tasks: edit, cutout, generate, and upscale.

Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import division, unicode_literals

import venice_layers
from venice_arguments import gimp_choices, gimp_options, worker_options
from venice_errors import HostError
from venice_host import CUTOUT, MASKED_COPY
from venice_rectangle import at_origin, extent_of, intersection
from venice_task import Task

EMPTY_REFERENCE = "Nothing is visible in the reference layer “%s”: it is empty or hidden by its layer mask."


class EditTask(Task):
    """Edit a layer or a selection by a prompt; further layers are references."""

    action = "edit"
    title = "Edit with Prompt"
    options = worker_options("edit")
    own_options = gimp_options("edit")
    choices = gimp_choices("edit")

    def _pick(self, drawables):
        return venice_layers.with_references(self._host, self._image, drawables)

    def _sees_visible(self):
        return self._value("sample") == "visible"

    def _has_own_look(self, source):
        return not self._sees_visible() and super(EditTask, self)._has_own_look(source)

    def _is_made_of_hidden(self, layer):
        return not self._sees_visible() and super(EditTask, self)._is_made_of_hidden(layer)

    def _find_place(self, image, source):
        """Return None if all visible layers were sent: the result goes above them."""
        return None if self._sees_visible() else super(EditTask, self)._find_place(image, source)

    def _sees_selection(self):
        return self._value("selection") != "ignore"

    def _area(self, scene):
        layer = super(EditTask, self)._area(scene)
        if not self._sees_visible():
            return layer
        seen = intersection(layer, at_origin(scene.image.canvas))
        if seen is None:
            raise HostError("The layer is entirely outside the canvas.")
        return seen

    def _export_source(self, crop, name, wide_name):
        if self._sees_visible():
            return self._host.export(self._image, None, crop, name, wide_name)
        return super(EditTask, self)._export_source(crop, name, wide_name)

    def _export(self, plan, files):
        super(EditTask, self)._export(plan, files)
        files["references"] = names = []
        for number, layer in enumerate(self._references):
            names.append("reference-%d" % number)
            state = self._state_of(layer)
            self._host.export(self._image, layer, state.bounds, names[-1])
            with open(self._link.path_of(names[-1]), "rb") as file:
                alpha = file.read()[3::4]
            if alpha.count(b"\0") == len(alpha):
                raise HostError(EMPTY_REFERENCE % state.name)


class CutoutTask(Task):
    """Cut out a layer's subject as a new layer or a layer mask."""

    action = "cutout"
    title = "Remove Background"
    options = worker_options("cutout")
    own_options = gimp_options("cutout")
    choices = gimp_choices("cutout")

    def _find_notes(self, scene):
        notes = super(CutoutTask, self)._find_notes(scene)
        if scene.image.selection is not None:
            notes.append("The selection limits the cutout, so the source layer stays visible.")
        return notes

    def _insert(self, image, source, above, made, warnings):
        layer = self._insert_cutout(image, source, above, made, warnings)
        hides = source is not None and self._value("hide-source") and self._window is None
        if hides and not self._host.hide(source.layer):
            warnings.append("The source layer's visibility is locked, so it was not hidden.")
        return layer

    def _insert_cutout(self, image, source, above, made, warnings):
        if source is None:
            return super(CutoutTask, self)._insert(image, source, above, made, warnings)
        made.name = "%s · %s" % (made.name, source.name)
        before, now = self._sent_from, source.bounds
        if extent_of(now) != extent_of(before):
            warnings.append("The source layer's size changed, so the cutout shows what was sent.")
            made.mask = None
            return super(CutoutTask, self)._insert(image, source, above, made, warnings)
        crop = made.crop
        made.crop = dict(crop, x=crop["x"] + now["x"] - before["x"], y=crop["y"] + now["y"] - before["y"])
        made.original = source.layer
        made.kind = CUTOUT if self._value("output") == "layer" else MASKED_COPY
        return self._host.insert(image, above, made)


class GenerateTask(Task):
    """Generate a new layer from a prompt."""

    action = "generate"
    title = "Generate Layer"
    made_of_layer = False
    options = worker_options("generate")

    def _pick(self, drawables):
        return venice_layers.insertion_point(self._host, self._image, drawables), []

    def _area(self, scene):
        return at_origin(scene.image.canvas)

    def _export(self, plan, files):
        """Export nothing."""


class UpscaleTask(Task):
    """Enlarge a layer as a new image."""

    action = "upscale"
    title = "Upscale Layer"
    options = worker_options("upscale")
    makes_image = True

    def _find_notes(self, scene):
        notes = super(UpscaleTask, self)._find_notes(scene)
        if scene.image.selection is not None:
            notes.append("The selection is ignored: the whole layer is upscaled.")
        return notes

    def _place(self, value):
        """Place the result in a new image named after the layer."""
        host, made = self._host, self._placement(value["results"][0]).in_image_of_its_own()
        layer = host.describe_layer(self._layer)
        source = "Upscaled" if layer is None else layer.name
        factor = made.crop["width"] / self._sent_from["width"]
        original = None if host.describe_image(self._image) is None else self._image
        image = host.new_image(made.crop, "%s %.3gx" % (source, factor), original)
        made.name = "%s · %s" % (source, made.name)
        layer = host.insert(image, None, made)
        self._report_placed([made])
        return image, [layer], self._new_warnings(value["warnings"])

    def _pick(self, drawables):
        return venice_layers.single_layer(self._host, self._image, drawables, for_reading=True), []

    def _sees_selection(self):
        return False

    def _value(self, name):
        value = super(UpscaleTask, self)._value(name)
        return int(value) if name == "scale" else value


TASKS = {task.action: task for task in (EditTask, CutoutTask, GenerateTask, UpscaleTask)}
