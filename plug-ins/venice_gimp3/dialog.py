"""The window of a task: prompt, options, what will be sent and its price, progress, Cancel, and errors.

It stays open until its result is placed: it shows errors and keeps the prompt. It is the view of a
`venice_session.Session`, which controls what happens when.
"""

import fold
import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
import venice_errors
import venice_session
import venice_texts
from gi.repository import Gdk, GimpUi, GLib, GObject, Gtk
from help_window import show_help
from memory import Draft
from settings_window import BINARY, run_settings, status_of
from venice_arguments import ARGUMENTS
from widgets import ChoiceList, FittingBox, Notice, ignore_wheel, label, make_prompt, mnemonic

STEP_MS = round(1000 * venice_session.TICK)
REPLAN_MS = 200
WATCH_MS = 1000

# The options directly below the prompt; the others are in a fold.
MAIN = {
    "edit": [],
    "cutout": ["output"],
    "generate": ["negative-prompt"],
    "upscale": ["scale"],
}
# Lists of what the service offers: option -> what "" means, and its entry in the worker's status.
MODEL_LISTS = {
    "aspect-ratio": ("Automatic", "aspect_ratios"),
    "resolution": ("The model's default", "resolutions"),
    "quality": ("The model's default", "qualities"),
}
OWN_LISTS = ("model", "style", "provider")
# The entries of the worker's status that a plan depends on, in addition to the options.
PLAN_STATUS = ("provider", "key", "daily_limit")
LEAVE, STOP = 1, 2
_KINDS = {
    venice_session.ERROR: Gtk.MessageType.ERROR,
    venice_session.WARNING: Gtk.MessageType.WARNING,
    venice_session.NOTE: Gtk.MessageType.INFO,
}
_CANCEL_RESPONSES = (Gtk.ResponseType.CANCEL, Gtk.ResponseType.DELETE_EVENT, Gtk.ResponseType.CLOSE)


def run_task(procedure, config, task, link, repeats=False):
    """Show the window until the result is placed; return what `Task.place` does, or None if cancelled.

    `repeats`: the window opens with what was sent last, ready to be sent again.
    """
    GimpUi.init(BINARY)
    window = _TaskWindow(procedure, config, task, link, repeats)
    try:
        return window.run()
    finally:
        window.destroy()


class _TaskWindow:
    def __init__(self, procedure, config, task, link, repeats):
        self._config, self._task, self._link = config, task, link
        self._arguments = {each.name: each for each in ARGUMENTS[task.action]}
        task.may_try_sandbox = True
        self._session = venice_session.Session(task, link, self)
        self._placed = None
        self._repeats = repeats
        self._replan = 0
        self._question = self._help = None
        self._first = None
        self._lists = {}
        self._draft, self._entered = Draft(config), False
        if not repeats:
            self._draft.restore()
        self._dialog = GimpUi.ProcedureDialog.new(procedure, config, task.title)
        self._dialog.set_ok_label(venice_texts.SEND)
        self._send = self._dialog.get_widget_for_response(Gtk.ResponseType.OK)
        self._add_help()
        self._fill()
        focus = self._send if repeats or self._first is None else self._first
        self._dialog.connect("show", lambda _dialog: focus.grab_focus())
        self._dialog.connect("focus-in-event", self._on_focus)
        self._dialog.connect("response", self._on_response)
        self._session.ask_plan()
        self._notify = config.connect("notify", self._on_option)
        self._timers = [GLib.timeout_add(STEP_MS, self._on_step), GLib.timeout_add(WATCH_MS, self._on_watch)]

    def run(self):
        """Run the window and the job until the result is placed or the user cancels."""
        try:
            while self._placed is None and self._dialog.run():
                self._placed = self._session.work()
        except venice_errors.Detached as detached:
            self._dialog.hide()
            self._show_kept(detached)
        return self._placed

    def destroy(self):
        self._stop_replan()
        for source in self._timers:
            GLib.source_remove(source)
        self._config.disconnect(self._notify)
        if self._placed is None:
            if self._entered:
                self._draft.keep()
        elif not self._repeats:  # otherwise what was sent was not the draft
            self._draft.drop()
        self._dialog.destroy()

    # Its contents

    def _add_help(self):
        """Replace GIMP's Help button, which would look for a page that the manual does not have."""
        button = self._dialog.get_widget_for_response(Gtk.ResponseType.HELP)
        if button is not None:
            button.destroy()
        tooltip = "What this does and how to use it"
        button = Gtk.Button(label=venice_texts.HELP, use_underline=True, tooltip_text=tooltip)
        button.connect("clicked", lambda _button: self._show_help())
        button.show()
        actions = self._dialog.get_action_area()
        actions.pack_start(button, False, False, 0)
        actions.set_child_secondary(button, True)
        self._dialog.connect("key-press-event", self._on_key)

    def _on_key(self, _dialog, event):
        if event.keyval != Gdk.KEY_F1:
            return False
        self._show_help()
        return True

    def _show_help(self):
        if self._help is None:
            self._help = show_help(self._dialog, self._task.action)
            self._help.connect("destroy", self._on_help_closed)
        self._help.present()

    def _on_help_closed(self, _dialog):
        self._help = None

    def _fill(self):
        dialog, action = self._dialog, self._task.action
        self._fitting = FittingBox(dialog, dialog.get_content_area())
        box = self._fitting.box
        self._labels = Gtk.SizeGroup(mode=Gtk.SizeGroupMode.HORIZONTAL)
        if "prompt" in self._arguments:
            scrolled = make_prompt(self._config, lambda: dialog.response(Gtk.ResponseType.OK))
            self._first = scrolled.get_child()
            box.pack_start(mnemonic(self._arguments["prompt"].label, self._first), False, False, 0)
            box.pack_start(scrolled, False, False, 0)
        if MAIN[action]:
            box.pack_start(self._make_box("main-box", MAIN[action]), False, False, 0)
        self._align(MAIN[action])
        self._status = self._ask_status()
        box.pack_start(self._make_lists(OWN_LISTS), False, False, 0)
        shown = {"prompt", *MAIN[action], *OWN_LISTS}
        self._folded = [option for option in self._all_options() if option not in shown]
        own = [option for option in self._folded if option not in MODEL_LISTS]
        if len(self._folded) > 1:
            box.pack_start(self._make_fold(own), False, False, 0)
        elif own:
            box.pack_start(self._make_box("more-box", own), False, False, 0)
        self._align(own)
        self._offer()
        # What was packed so far is the form; it is disabled during a job.
        self._inputs = box.get_children()
        for widget in self._inputs:
            ignore_wheel(widget)
        self._plan_label = label(selectable=True)
        self._plan_label.set_property("margin-start", 0)
        self._plan_label.set_property("margin-end", 0)
        self._notice = Notice(self._fitting.fit)
        self._notice.add_button("Settings...", self._open_settings, "Choose a provider and enter its API key")
        self._notice.add_button(
            "Try the Sandbox",
            self._use_sandbox,
            "See how it works: no key, no cost, no AI",
        )
        for widget in (self._plan_label, self._notice.widget):
            box.pack_start(widget, False, False, 0)
        self._plan_label.show()
        self._progress = Gtk.ProgressBar(show_text=True, no_show_all=True, margin_top=12, margin_bottom=12)
        dialog.get_content_area().pack_start(self._progress, False, False, 0)

    def _make_box(self, name, options):
        """Return a box with GIMP's own widgets for these options."""
        box = self._dialog.fill_box(name, options)
        box.show_all()
        return box

    def _all_options(self):
        return (*self._task.own_options, *self._task.options)

    def _make_fold(self, own):
        """Return a fold whose title lists the options that differ from their defaults."""
        self._fold_title = Gtk.Label(use_underline=True, wrap=True, xalign=0.0, max_width_chars=60)
        inside = self._make_box("more-box", own)
        inside.pack_start(self._make_lists(MODEL_LISTS), False, False, 0)
        expander = Gtk.Expander(label_widget=self._fold_title, margin_top=6)
        expander.add(inside)
        # otherwise Tab would move through hidden options
        expander.bind_property("expanded", inside, "visible", GObject.BindingFlags.SYNC_CREATE)
        expander.connect("notify::expanded", lambda *_: GLib.idle_add(self._fitting.fit))
        self._fold_title.set_mnemonic_widget(expander)
        self._fold_title.show()
        expander.show()
        self._show_fold_title()
        return expander

    def _show_fold_title(self):
        if len(self._folded) > 1:
            self._fold_title.set_text_with_mnemonic(fold.title(self._config, self._folded))

    def _align(self, options):
        """Align the labels of GIMP's own widgets with ours."""
        for option in options:
            widget = self._dialog.get_widget(option, GObject.TYPE_NONE)
            if isinstance(widget, GimpUi.Labeled):
                self._labels.add_widget(widget.get_label())

    def _make_lists(self, names):
        """Return a grid with the lists that the task has arguments for."""
        grid = Gtk.Grid(row_spacing=6, column_spacing=6)
        for row, argument in enumerate(self._arguments[name] for name in names if name in self._arguments):
            choice = ChoiceList(self._config, argument.name, argument.title, argument.tooltip)
            self._lists[argument.name] = choice
            named = mnemonic(argument.label, choice.entry)
            named.set_tooltip_text(argument.tooltip)
            self._labels.add_widget(named)
            grid.attach(named, 0, row, 1, 1)
            grid.attach(choice.widget, 1, row, 1, 1)
        grid.show_all()
        return grid

    def _ask_status(self):
        return status_of(self._link, self._status_params())

    def _status_params(self):
        provider = self._config.get_property("provider") or ""
        return {"provider": provider, "action": self._task.action, "trial": True}

    def _offer(self):
        """Fill the lists with what the service and the chosen model offer."""
        status = self._status
        models = {each["id"]: each for each in status["models"]}
        default = models.get(
            status["default_model"], {"id": status["default_model"] or "chosen by the server"}
        )
        chosen = models.get(self._config.get_property("model") if "model" in self._lists else None) or default
        rows = {
            "model": ((f"Default: {_name(default)}", _note(default)), _model_rows(models.values())),
            "style": (("None", ""), _plain_rows(status["styles"])),
            "provider": ((_default_provider(status), ""), list(_provider_rows(status))),
        }
        for name, (default_text, where) in MODEL_LISTS.items():
            rows[name] = ((default_text, ""), _plain_rows(chosen.get(where, ())))
        for name, choice in self._lists.items():
            choice.offer(*rows[name])

    # What the user does

    def _on_option(self, _config, changed):
        if changed.name == "provider":
            self.refresh()
        elif changed.name == "model":
            self._offer()
        self._entered = True
        self._show_fold_title()
        self._session.note_change()
        self._stop_replan()
        self._replan = GLib.timeout_add(REPLAN_MS, self._on_replan)

    def _stop_replan(self):
        if self._replan:
            GLib.source_remove(self._replan)
            self._replan = 0

    def _on_replan(self):
        self._replan = 0
        if not self._repeats:
            self._draft.keep()
        self._session.ask_plan()
        return GLib.SOURCE_REMOVE

    def _on_focus(self, _dialog, _event):
        """Update the window: the settings or the image may have changed."""
        self.refresh()
        self._session.watch(at_once=True)
        return False

    def _on_watch(self):
        self._session.watch()
        return GLib.SOURCE_CONTINUE

    def _on_step(self):
        self._session.step()
        return GLib.SOURCE_CONTINUE

    def _on_response(self, _dialog, response):
        """Cancel; Escape and the window's own close button arrive as responses too."""
        if response in _CANCEL_RESPONSES and self._question is None:
            self._session.cancel()

    # What the session has to show

    def show_plan(self, text):
        if text != self._plan_label.get_text():
            self._plan_label.set_text(text)
            GLib.idle_add(self._fitting.fit)

    def show_problem(self, problem):
        if problem is None:
            self._notice.hide()
            return
        if problem.kind in ("bad-input", "over-limit"):
            self.show_plan("")  # the problem says the same
        self._notice.show(problem.text, _KINDS[problem.level], problem.details, problem.wants_settings)
        self._fitting.scroll_to(self._notice.widget)

    def show_progress(self, text, share):
        self._progress.set_text(text)
        if share is None:
            self._progress.pulse()
        else:
            self._progress.set_fraction(share)

    def set_busy(self, busy):
        self._stop_replan()
        self._close_question()
        for widget in self._inputs:
            widget.set_sensitive(not busy)
        self._dialog.set_response_sensitive(Gtk.ResponseType.OK, not busy)
        self._progress.set_visible(busy)
        GLib.idle_add(self._fitting.fit)
        if not busy:
            (self._first or self._send).grab_focus()

    def refresh(self):
        """Ask for the providers and for what the service offers."""
        self._session.ask("status", self._status_params(), self._take_status)

    def _take_status(self, status):
        before, self._status = self._status, status
        self._offer()
        if any(before[name] != status[name] for name in PLAN_STATUS):
            self._session.ask_plan()

    def wait(self):
        Gtk.main_iteration()

    def ask_whether_to_wait(self):
        self._question = box = Gtk.MessageDialog(
            title="Request Already Sent",
            transient_for=self._dialog,
            modal=True,
            message_type=Gtk.MessageType.QUESTION,
            text="The request has already been sent, and you may be charged.",
            secondary_text=(
                "You can keep waiting. If you close this window, the result will still be received and "
                "saved to your disk. If you stop, the result is lost, and you may still be charged."
            ),
        )
        box.add_button("_Stop and Discard", STOP)
        box.add_button("_Close and Keep Result", LEAVE)
        box.add_button("_Keep Waiting", Gtk.ResponseType.CLOSE)
        box.set_default_response(Gtk.ResponseType.CLOSE)
        box.connect("response", self._on_answer)
        box.show()

    def _on_answer(self, _box, answer):
        self._close_question()
        if answer == LEAVE:
            self._session.leave()
        elif answer == STOP:
            self._session.stop()

    def _close_question(self):
        box, self._question = self._question, None
        if box is not None:
            box.destroy()

    def _show_kept(self, detached):
        """Say where the result will be saved, since the worker continues on its own."""
        box = Gtk.MessageDialog(
            title="Result Will Be Saved",
            message_type=Gtk.MessageType.INFO,
            buttons=Gtk.ButtonsType.CLOSE,
            text="The result will be saved to your disk",
            secondary_text=str(detached),
        )
        box.run()
        box.destroy()

    # What helps if there is no key

    def _open_settings(self):
        self._session.pause_for(lambda: run_settings(self._link, self._dialog))

    def _use_sandbox(self):
        """Use the sandbox until the default provider has a key, or choose it if that has one."""
        status = self._status
        chosen = self._config.get_property("provider") or ""
        if status["key"] or status["keyless"] or chosen not in ("", status["default_provider"]):
            self._session.forget_problem()
            self._config.set_property("provider", "sandbox")
            return
        self._config.set_property("provider", "")
        self._session.pause_for(lambda: self._link.call("configure", {"trial": True}))


def _default_provider(status):
    if status["trial"]:
        return "Sandbox (until you set an API key)"
    title = status["titles"].get(status["default_provider"])
    return f"Default: {title}" if title else "Default"


def _provider_rows(status):
    for name in status["providers"]:
        title = status["titles"][name]
        yield name, title, name if title != name else ""


def _plain_rows(values):
    return [(value, value, "") for value in values]


def _model_rows(models):
    return [(model["id"], _name(model), _joined(_id(model), _note(model))) for model in models]


def _name(model):
    return model.get("name") or model["id"]


def _id(model):
    """Return the model's ID if it differs from its name."""
    return model["id"] if _name(model) != model["id"] else ""


def _note(model):
    """Return the price, and how the service treats data."""
    price = model.get("price")
    amount = venice_texts.dollars(price["usd"]) if price and price["usd"] is not None else ""
    return _joined(amount, model.get("privacy", ""))


def _joined(*texts):
    return ", ".join(filter(None, texts))
