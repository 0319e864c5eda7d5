# -*- coding: utf-8 -*-
"""One task: from the selected layers in GIMP, through the worker, to new layers.

The steps are separate so that a window can stay responsive between them: `ask_plan` (what would be sent),
`start` (export pixels and run the job in the worker), and `place` (insert the results into the image).

The image is accessed through a `venice_host.Host`.

Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import division, unicode_literals

import collections
import hashlib

import venice_layers
from venice_errors import HostError, LinkError, NotPlaced, PlanChanged
from venice_host import Placement
from venice_rectangle import extent_of
from venice_texts import describe

# The states of the image, of the layer to work on (or None), and of the references.
_Scene = collections.namedtuple("_Scene", "image layer references")


class Task(object):
    """A task; `value(name)` returns a procedure's argument, such as "match-colors", at each step.

    `options` are the worker's arguments, `own_options` only GIMP's, and `choices` the values of the latter.
    `made_of_layer`: whether the layer is sent; otherwise it only determines where the result goes.
    `in_window`: whether there is a window, so that the selection is watched. `may_try_sandbox`: whether a
    trial of the sandbox counts, because it can be started and seen there.
    """

    action = ""
    title = ""
    options = ()
    own_options = ()
    choices = ()
    made_of_layer = True
    makes_image = False
    in_window = False
    may_try_sandbox = False

    def __init__(self, host, image, drawables, value, link):
        self._host = host
        self._image = image
        self._argument = value
        self._link = link
        self._shown_warnings, self._notes = [], []
        self._shown_offer = self._basis = self._window = self._digest = None
        self._sent_from = None
        self._layer, self._references = self._pick(drawables)
        self._source = None if self._layer is None else host.describe_layer(self._layer).tattoo

    def ask_plan(self):
        """Ask the worker what would be sent; return the call's number. Raises LinkError, HostError."""
        return self._link.send("plan", self._describe())

    def is_free(self):
        """Return whether running it now would be free of charge. Raises LinkError, HostError."""
        price = self._link.call("plan", self._describe())["total"]
        return price is not None and price["usd"] == 0

    def mark_shown(self, plan):
        """Remember that the user has seen this plan and its warnings."""
        self._shown_warnings = plan["warnings"] + self._notes
        self._shown_offer = self._offer(plan)

    def sentences(self, plan):
        """Describe the plan, and what the user should know about this image before sending."""
        return "%s\n%s" % (describe(plan), "\n".join(self._notes)) if self._notes else describe(plan)

    def has_changed(self):
        """Return whether the selection or the layers have changed since the last plan was requested.

        Compare bounds first, then a digest of the selection within them.
        """
        basis = self._basis_of(self._describe_scene())
        if basis != self._basis:
            return True
        if not basis or not basis[-1]:
            return False
        selected = self._host.read_selection(self._image)
        return selected is None or self._digest != _digest(selected[1])

    def start(self, on_wait=None):
        """Export the pixels, start the job, and return the call's number. Raises LinkError, HostError.

        `on_wait` is for a window: it is called while the worker confirms the price. Raises PlanChanged if the
        plan is not the one passed to `mark_shown`.
        """
        described = self._describe()
        plan = self._link.call("plan", dict(described, to_send=True), on_wait, 0.05)
        if on_wait is not None and self._offer(plan) != self._shown_offer:
            raise PlanChanged(plan)
        files = {"plan": plan["id"], "coverage": described.get("coverage")}
        if not plan["key"]:
            # The worker's own error, before any pixel is copied.
            return self._link.send("run", dict(files, source=self._link.write("source", b"")))
        self._export(plan, files)
        return self._link.send("run", files)

    def place(self, value):
        """Insert the worker's results as one undo step; return (image, layers, warnings).

        Warnings that have already been shown are left out. Raises NotPlaced for any failure.
        """
        try:
            return self._place(value)
        except Exception as error:
            raise NotPlaced(value["results"], error)

    def _place(self, value):
        warnings, made = list(value["warnings"]), [self._placement(result) for result in value["results"]]
        host, image, source = self._host, self._image, self._layer
        if host.describe_image(image) is None:
            image, source = host.new_image(made[0].crop), None
            made = [each.in_image_of_its_own() for each in made]
            warnings.append("The image was closed in the meantime, so the result was opened as a new image.")
            layers = self._insert_all(image, source, made, warnings)
            host.show(image)
        else:
            with host.transaction(image):
                layers = self._insert_all(image, source, made, warnings)
        self._report_placed(made)
        return image, layers, self._new_warnings(warnings)

    def _new_warnings(self, warnings):
        return [warning for warning in warnings if warning not in self._shown_warnings]

    def _pick(self, drawables):
        """Return the layer to work on and the layers for reference. Raises HostError."""
        return venice_layers.single_layer(self._host, self._image, drawables), []

    def _area(self, scene):
        """Return the rectangle that the result may cover."""
        return scene.layer.bounds

    def _sees_selection(self):
        return True

    def _export(self, plan, files):
        """Write the crop's pixels and add their names to `files`."""
        self._sent_from = self._state_of(self._layer).bounds
        files["source"] = "source"
        if self._export_source(plan["crop"], "source", "wide"):
            files["wide"] = "wide"

    def _export_source(self, crop, name, wide_name):
        return self._host.export(self._image, self._layer, crop, name, wide_name)

    def _insert_all(self, image, source, made, warnings):
        """Insert the results and return the layers, topmost first; variations go into a new group."""
        state = None if source is None else self._host.describe_layer(source)
        if source is not None and state is None:
            warnings.append("The source layer no longer exists, so the result is at the top of the image.")
        above = self._find_place(image, state)
        if made[0].variations == 1:
            return [self._insert(image, state, above, made[0], warnings)]
        warnings += self._limits(self._host.describe_image(image), state)
        name = made[0].name
        for number, each in enumerate(made):
            each.name = "%d · %s" % (number + 1, each.name)
        return self._host.insert_variations(image, above, name, made)

    def _find_place(self, image, source):
        """Return the layer above which the result goes, or None for the top of the image."""
        return None if source is None else venice_layers.place_above(self._host, image, source.layer)

    def _insert(self, image, source, above, made, warnings):
        warnings += self._limits(self._host.describe_image(image), source)
        return self._host.insert(image, above, made)

    def _has_own_look(self, source):
        """Return whether `source` is blended differently than the result will be."""
        return self.made_of_layer and source is not None and not source.is_plain

    def _limits(self, image, source):
        """Return warnings that apply to any result in this image."""
        warnings = []
        if self.makes_image:
            return warnings  # a new RGB image
        if image.base == "indexed":
            warnings.append("The image is indexed, so the result is limited to the colors of its palette.")
        elif image.base == "gray":
            warnings.append("The image is grayscale, so the result is too.")
        if self._has_own_look(source):
            warnings.append(
                "The source layer uses its own mode or opacity; the result layer is Normal at 100%."
            )
        return warnings

    def _find_notes(self, scene):
        """Return what the worker cannot know but the user should, before anything is sent."""
        image, layer = scene.image, scene.layer
        notes = self._limits(image, layer)
        if self._sees_selection() and image.has_quick_mask and image.selection is None:
            notes.append("Quick Mask is on, so nothing is selected. Turn it off to use it as the selection.")
        if layer is not None and layer.edits_mask:
            notes.append("The layer mask is being edited, but the layer itself is sent.")
        if self._is_made_of_hidden(layer):
            notes.append("The selected layer is hidden, but it will be sent anyway.")
        return notes

    def _is_made_of_hidden(self, layer):
        return self.made_of_layer and layer.is_hidden

    def _report_placed(self, made):
        # The result is placed: leftover working files must not make it look like a failure.
        try:
            for job in {each.job for each in made}:
                self._link.call("placed", {"job": job})
        except LinkError:
            pass

    def _describe(self):
        """Return the job in the worker's form, and the file with the selection's coverage."""
        scene = self._describe_scene()
        self._basis = self._basis_of(scene)
        if self._basis is None:
            raise HostError("The image was closed." if scene.image is None else "The layer no longer exists.")
        for name, known in self.choices:
            if self._value(name) not in known:
                words = self._value(name), name, ", ".join(known)
                raise HostError("“%s” is not a valid value for %s; valid values: %s." % words)
        self._notes = self._basis[2]
        options = {name: self._value(name) for name in self.options}
        job = {
            "action": self.action,
            "layer": self._area(scene),
            "canvas": scene.image.canvas,
            "options": options,
            "references": [extent_of(state.bounds) for state in scene.references],
        }
        described = {"job": job, "trial": self.may_try_sandbox}
        if not self._sees_selection():
            return described
        selected = self._host.read_selection(self._image)
        if selected is None:
            self._window = None
            return described
        self._window, coverage = selected
        self._digest = _digest(coverage)
        job["window"] = self._window
        return dict(described, coverage=self._link.write("coverage", coverage))

    def _describe_scene(self):
        layer = None if self._layer is None else self._host.describe_layer(self._layer)
        references = [self._host.describe_layer(reference) for reference in self._references]
        return _Scene(self._host.describe_image(self._image), layer, references)

    def _basis_of(self, scene):
        """Return what a plan depends on and is quick to read, or None if some of it no longer exists."""
        layers = list(scene.references)
        if self._layer is not None:
            layers.append(scene.layer)
        if scene.image is None or None in layers:
            return None
        bounds = [layer.bounds for layer in layers]
        window = scene.image.selection if self.in_window and self._sees_selection() else None
        return scene.image.canvas, bounds, self._find_notes(scene), window

    def _state_of(self, layer):
        state = self._host.describe_layer(layer)
        if state is None:
            raise HostError("The layer no longer exists.")
        return state

    def _offer(self, plan):
        """Return what the user agrees to by sending it, including the exact selection."""
        price = [plan[name] for name in ("provider", "endpoint", "model", "total", "requests", "pictures")]
        sent = [plan[name] for name in ("crop", "size", "guided", "references")]
        return price, sent, self._window, self._window and self._digest

    def _value(self, name):
        return self._argument(name)

    def _host_options(self):
        return {name: self._value(name) for name in self.own_options}

    def _placement(self, result):
        return Placement(result, self._host_options(), self._source)


def run(task, link, on_progress):
    """Run a task without a window and return what `place` does.

    `on_progress(message)` is called for each progress message, and with None about every 0.1 s.
    """
    call_id = task.start()
    while True:
        message = link.receive(0.1)
        over, value = link.answer(message, call_id)
        if over:
            return task.place(value)
        on_progress(message)


def _digest(data):
    return hashlib.sha256(data).hexdigest()
