# -*- coding: utf-8 -*-
"""One task: from what is selected in GIMP, over the worker, to new layers.

The steps are separate, so that a window can stay alive between them: `ask_plan` (what would be sent),
`start` (pixels out, then the job runs in the worker), `place` (the results into the image).

What has the image is reached through a `venice_host.Host`.

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

# The states of the image, of the layer to work on (None: there is none), and of the references.
_Scene = collections.namedtuple(str("_Scene"), str("image layer references"))


class Task(object):
    """`value(name)` gives a procedure's argument, such as "match-colors"; it is read anew at each step.

    `options` are the worker's, `own_options` GIMP's alone; both are the procedure's arguments. `choices` says
    which values GIMP's own may have. `made_of_layer`: else the layer only says where the result goes.
    `in_window` is set where the user looks on: what is selected is watched. `may_try_sandbox`: a trial of it
    counts, since it can be begun and seen there.
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
        self._told, self._notes = [], []
        self._told_offer = self._glanced = self._window = self._digest = None
        self._sent_from = None
        self._layer, self._references = self._pick(drawables)
        self._source = None if self._layer is None else host.describe_layer(self._layer).tattoo

    def ask_plan(self):
        """Asks the worker what would be sent and returns the call's number. Raises LinkError, HostError."""
        return self._link.send("plan", self._describe())

    def is_free(self):
        """Whether running it now would buy nothing. Raises LinkError, HostError."""
        price = self._link.call("plan", self._describe())["total"]
        return price is not None and price["usd"] == 0

    def told(self, plan):
        """Remembers that the user has seen this plan with its warnings."""
        self._told = plan["warnings"] + self._notes
        self._told_offer = self._offer(plan)

    def sentences(self, plan):
        """What is to be known before sending: the plan in words, and what it means in this image."""
        return "%s\n%s" % (describe(plan), "\n".join(self._notes)) if self._notes else describe(plan)

    def has_changed(self):
        """Whether the selection or the layers are no longer as when the last plan was asked for.

        Bounds are compared first, then a digest of the selection inside them.
        """
        glanced = self._glance(self._look())
        if glanced != self._glanced:
            return True
        if not glanced or not glanced[-1]:
            return False
        selected = self._host.read_selection(self._image)
        return selected is None or self._digest != _digest(selected[1])

    def start(self, on_wait=None):
        """Exports the pixels, starts the job and returns the call's number. Raises LinkError, HostError.

        `on_wait` is for a window: it is called while the worker makes sure of the price, and then what the
        user was `told` must hold: else it raises PlanChanged.
        """
        described = self._describe()
        plan = self._link.call("plan", dict(described, to_send=True), on_wait, 0.05)
        if on_wait is not None and self._offer(plan) != self._told_offer:
            raise PlanChanged(plan)
        files = {"plan": plan["id"], "coverage": described.get("coverage")}
        if not plan["key"]:
            # The worker's own words for it, before a pixel is copied.
            return self._link.send("run", dict(files, source=self._link.write("source", b"")))
        self._export(plan, files)
        return self._link.send("run", files)

    def place(self, value):
        """Puts the worker's results into the image, as one undo step: (image, layers, warnings).

        The warnings are those that have not been `told` already. Raises NotPlaced, whatever went wrong.
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
        self._tell_placed(made)
        return image, layers, self._untold(warnings)

    def _untold(self, warnings):
        return [warning for warning in warnings if warning not in self._told]

    def _pick(self, drawables):
        """(the layer to work on, further layers as references). Raises HostError."""
        return venice_layers.single_layer(self._host, self._image, drawables), []

    def _area(self, scene):
        """What the result may cover."""
        return scene.layer.bounds

    def _sees_selection(self):
        return True

    def _export(self, plan, files):
        """Writes the crop's pixels, and names them in the message."""
        self._sent_from = self._state_of(self._layer).bounds
        files["source"] = "source"
        if self._export_source(plan["crop"], "source", "wide"):
            files["wide"] = "wide"

    def _export_source(self, crop, name, wide_name):
        return self._host.export(self._image, self._layer, crop, name, wide_name)

    def _insert_all(self, image, source, made, warnings):
        """The results as layers, topmost first; of several wanted variations, in a group of their own."""
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
        """The layer above which the result goes; None: at the top of the image."""
        return None if source is None else venice_layers.place_above(self._host, image, source.layer)

    def _insert(self, image, source, above, made, warnings):
        warnings += self._limits(self._host.describe_image(image), source)
        return self._host.insert(image, above, made)

    def _has_own_look(self, source):
        """Whether `source` is mixed otherwise than the result will be."""
        return self.made_of_layer and source is not None and not source.is_plain

    def _limits(self, image, source):
        """What is to be known about any result in this image."""
        warnings = []
        if self.makes_image:
            return warnings  # an RGB image of its own
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
        """What the worker cannot know, and the user should before anything is sent."""
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

    def _tell_placed(self, made):
        # The result is there: that its working files stay must not make it look like a failure.
        try:
            for job in {each.job for each in made}:
                self._link.call("placed", {"job": job})
        except LinkError:
            pass

    def _describe(self):
        """The job as the worker knows it, and the file with the selection's coverage."""
        scene = self._look()
        self._glanced = self._glance(scene)
        if self._glanced is None:
            raise HostError("The image was closed." if scene.image is None else "The layer no longer exists.")
        for name, known in self.choices:
            if self._value(name) not in known:
                words = self._value(name), name, ", ".join(known)
                raise HostError("“%s” is not a valid value for %s; valid values: %s." % words)
        self._notes = self._glanced[2]
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

    def _look(self):
        layer = None if self._layer is None else self._host.describe_layer(self._layer)
        references = [self._host.describe_layer(reference) for reference in self._references]
        return _Scene(self._host.describe_image(self._image), layer, references)

    def _glance(self, scene):
        """What a plan depends on, as far as it can be had at once; None: not all of it is there any more."""
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
        """What the user agrees to by sending it, exactly what is selected included."""
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
    """Runs a task without a window and returns what `place` does.

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
