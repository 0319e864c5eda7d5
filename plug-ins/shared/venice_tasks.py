# -*- coding: utf-8 -*-
"""The four tasks: edit, cutout, generation, upscale.

Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import division, unicode_literals

import venice_layers
from venice_arguments import gimp_choices, gimp_options, worker_options
from venice_errors import HostError
from venice_rectangle import at_origin, intersection
from venice_task import Task

EMPTY_REFERENCE = (
    "There is nothing to see in the reference layer “%s”: it is empty, or hidden by its layer mask."
)


class EditTask(Task):
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

    def _is_made_of_hidden(self):
        return not self._sees_visible() and super(EditTask, self)._is_made_of_hidden()

    def _find_place(self, image, source):
        """What was made of all that is visible lies above all of it."""
        return None if self._sees_visible() else super(EditTask, self)._find_place(image, source)

    def _sees_selection(self):
        return self._value("selection") != "ignore"

    def _area(self):
        layer = self._host.bounds_of(self._layer)
        if not self._sees_visible():
            return layer
        seen = intersection(layer, at_origin(self._host.canvas_of(self._image)))
        if seen is None:
            raise HostError("The layer lies wholly outside the canvas.")
        return seen

    def _export_source(self, crop, name, wide_name):
        if self._sees_visible():
            return self._host.export_visible(self._image, crop, self._link, name, wide_name)
        return super(EditTask, self)._export_source(crop, name, wide_name)

    def _export(self, plan, files):
        super(EditTask, self)._export(plan, files)
        files["references"] = names = []
        for number, layer in enumerate(self._references):
            names.append("reference-%d" % number)
            bounds = self._host.bounds_of(layer)
            self._host.export_shown(self._image, layer, bounds, self._link, names[-1])
            with open(self._link.path_of(names[-1]), "rb") as file:
                alpha = file.read()[3::4]
            if alpha.count(b"\0") == len(alpha):
                raise HostError(EMPTY_REFERENCE % self._host.name_of(layer))


class CutoutTask(Task):
    action = "cutout"
    title = "Remove Background"
    options = worker_options("cutout")
    own_options = gimp_options("cutout")
    choices = gimp_choices("cutout")

    def _find_notes(self):
        notes = super(CutoutTask, self)._find_notes()
        if self._host.selection_window(self._image) is not None:
            notes.append("The selection limits the cutout, and the layer stays visible.")
        return notes

    def _add(self, image, source, above, made, warnings):
        layer = self._add_cutout(image, source, above, made, warnings)
        hides = source is not None and self._value("hide-source") and self._window is None
        if hides and not self._host.hide(source):
            warnings.append("The layer's visibility is locked, so the layer was not hidden.")
        return layer

    def _add_cutout(self, image, source, above, made, warnings):
        if source is None:
            return super(CutoutTask, self)._add(image, source, above, made, warnings)
        host = self._host
        name = "%s · %s" % (made.name, host.name_of(source))
        before, now = self._sent_from, host.bounds_of(source)
        if (now["width"], now["height"]) == (before["width"], before["height"]):
            crop = made.crop
            moved = dict(crop, x=crop["x"] + now["x"] - before["x"], y=crop["y"] + now["y"] - before["y"])
            placed = (image, source, above, moved, made.mask, name, made.recipe)
            if self._value("output") == "layer":
                return host.add_cutout(*placed, pixels=made.pixels, rim=made.rim)
            return host.add_masked_copy(*placed)
        warnings.append("The source layer's size has changed: the result is the cutout of what was sent.")
        warnings += self._limits(image, source)
        return host.add_result(image, above, made.crop, made.pixels, None, name, made.recipe)


class GenerateTask(Task):
    action = "generate"
    title = "Generate Layer"
    made_of_layer = False
    options = worker_options("generate")

    def _pick(self, drawables):
        return venice_layers.place(self._host, self._image, drawables), []

    def _area(self):
        return at_origin(self._host.canvas_of(self._image))

    def _export(self, plan, files):
        """Nothing leaves the image."""


class UpscaleTask(Task):
    action = "upscale"
    title = "Upscale Layer"
    options = worker_options("upscale")
    makes_image = True

    def _find_notes(self):
        notes = super(UpscaleTask, self)._find_notes()
        if self._host.selection_window(self._image) is not None:
            notes.append("The selection does not matter: the whole layer is upscaled.")
        return notes

    def _place(self, value):
        """Always a new image, named after the layer."""
        host, made = self._host, self._load(value["results"][0]).in_image_of_its_own()
        source = host.name_of(self._layer) if host.is_there(self._layer) else "Upscaled"
        image = host.new_image(made.crop, like=self._image if host.is_there(self._image) else None)
        name = "%s · %s" % (source, made.name)
        layer = host.add_result(image, None, made.crop, made.pixels, made.mask, name, made.recipe)
        factor = made.crop["width"] / self._sent_from["width"]
        host.name_image(image, "%s %.3gx" % (source, factor), self._image)
        self._tell_placed([made])
        return image, [layer], self._untold(value["warnings"])

    def _pick(self, drawables):
        return venice_layers.one(self._host, self._image, drawables, for_reading=True), []

    def _sees_selection(self):
        return False

    def _value(self, name):
        value = super(UpscaleTask, self)._value(name)
        return int(value) if name == "scale" else value


TASKS = {task.action: task for task in (EditTask, CutoutTask, GenerateTask, UpscaleTask)}
