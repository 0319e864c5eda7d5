"""The window of a task: prompt and options, what will be sent and its price, progress, cancel, errors.

It stays open until its result is placed: an error is shown in it, with the prompt kept.
"""

import time

import fold
import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
import venice_errors
import venice_texts
from gi.repository import Gdk, GimpUi, GLib, GObject, Gtk
from help_window import show_help
from memory import Draft
from settings_window import BINARY, run_settings, status_of
from venice_arguments import ARGUMENTS
from venice_errors import HostError, PlanChanged
from venice_texts import KEY_MISSING, STAGES
from widgets import (
    ChoiceList,
    FittingBox,
    Notice,
    label,
    make_prompt,
    mnemonic,
    stay_alive,
    tame_wheel,
)

POLL_MS = 50
REPLAN_MS = 200
WATCH_MS = 1000
WATCH_SHARE = 0.05
"""Of the time: how long looking at the selection may take."""

# What stands at the top, below the prompt; the other options lie behind a fold.
MAIN = {
    "edit": [],
    "cutout": ["output"],
    "generate": ["negative-prompt"],
    "upscale": ["scale"],
}
# Lists of what the service offers: option -> what "" means, and where the worker's status has it.
MODEL_LISTS = {
    "aspect-ratio": ("Automatic", "aspect_ratios"),
    "resolution": ("The model's default", "resolutions"),
    "quality": ("The model's default", "qualities"),
}
OWN_LISTS = ("model", "style", "provider")
# What of the worker's status a plan depends on, beside the options.
WHO_AND_WHETHER = ("provider", "key", "daily_limit")
LEAVE, STOP = 1, 2
_GIVING_UP = (Gtk.ResponseType.CANCEL, Gtk.ResponseType.DELETE_EVENT, Gtk.ResponseType.CLOSE)


def run_task(procedure, config, task, link, repeats=False):
    """Shows the window until the result is placed: what `Task.place` returns, or None when given up.

    `repeats`: it opens with what was sent last, ready to be sent again.
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
        task.in_window = task.may_try_sandbox = True
        self._placed = None
        self._repeats = repeats
        self._replan = 0
        self._call = self._plan_call = self._status_call = self._cancel_call = 0
        self._question = self._help = None
        self._resting = False  # while another window talks to the worker
        self._watch_after = 0.0
        self._first = None
        self._lists = {}
        self._about_key = False  # whether the notice says that there is none
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
        self._show_plan()
        self._notify = config.connect("notify", self._on_option)
        self._timers = [GLib.timeout_add(POLL_MS, self._on_idle), GLib.timeout_add(WATCH_MS, self._on_watch)]

    def run(self):
        """One round a try: the user's choice, then the job; again after an error."""
        while self._dialog.run():
            if self._work():
                return self._placed
        return None

    def destroy(self):
        self._stop_replan()
        for source in self._timers:
            GLib.source_remove(source)
        self._config.disconnect(self._notify)
        if self._placed is None:
            if self._entered:
                self._draft.keep()
        elif not self._repeats:  # else it was not the draft that has been sent
            self._draft.drop()
        self._dialog.destroy()

    # What is in it

    def _add_help(self):
        """GIMP's own would look for a manual that has no such page."""
        button = self._dialog.get_widget_for_response(Gtk.ResponseType.HELP)
        if button is not None:
            button.destroy()
        tooltip = "What this does, and how to use it"
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
        # What was packed so far is the form; it rests while a job runs.
        self._inputs = box.get_children()
        for widget in self._inputs:
            tame_wheel(widget)
        self._plan_label = label(selectable=True)
        self._plan_label.set_property("margin-start", 0)
        self._plan_label.set_property("margin-end", 0)
        self._notice = Notice(self._fitting.fit)
        self._notice.add_button(
            "Settings...", self._open_settings, "Choose the service and enter its API key"
        )
        self._notice.add_button(
            "Try the sandbox",
            self._use_sandbox,
            "See how it works, without a key, for nothing, and without AI",
        )
        for widget in (self._plan_label, self._notice.widget):
            box.pack_start(widget, False, False, 0)
        self._plan_label.show()
        self._progress = Gtk.ProgressBar(show_text=True, no_show_all=True, margin_top=12, margin_bottom=12)
        dialog.get_content_area().pack_start(self._progress, False, False, 0)

    def _make_box(self, name, options):
        """GIMP's own widgets for them."""
        box = self._dialog.fill_box(name, options)
        box.show_all()
        return box

    def _all_options(self):
        return (*self._task.own_options, *self._task.options)

    def _make_fold(self, own):
        """Options behind a title that says which of them differ from their defaults."""
        self._fold_title = Gtk.Label(use_underline=True, wrap=True, xalign=0.0, max_width_chars=60)
        inside = self._make_box("more-box", own)
        inside.pack_start(self._make_lists(MODEL_LISTS), False, False, 0)
        expander = Gtk.Expander(label_widget=self._fold_title, margin_top=6)
        expander.add(inside)
        # else Tab would lead through what is folded away
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
        """One column for the labels of GIMP's own widgets and of ours."""
        for option in options:
            widget = self._dialog.get_widget(option, GObject.TYPE_NONE)
            if isinstance(widget, GimpUi.Labeled):
                self._labels.add_widget(widget.get_label())

    def _make_lists(self, names):
        """A grid with those of the lists that the task has an argument for."""
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
        """Fills the lists with what the service and the chosen model have."""
        status = self._status
        models = {each["id"]: each for each in status["models"]}
        default = models.get(status["default_model"], {"id": status["default_model"] or "the server's own"})
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

    # What would be sent

    def _on_option(self, _config, changed):
        if changed.name == "provider":
            self._refresh_lists()
        elif changed.name == "model":
            self._offer()
        self._entered = True
        self._show_fold_title()
        if not self._about_key:
            self._notice.hide()
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
        if not (self._call or self._resting):
            self._show_plan()
        return GLib.SOURCE_REMOVE

    def _on_focus(self, _dialog, _event):
        """Settings may have been changed meanwhile, or the image."""
        if not (self._call or self._resting):
            self._refresh_lists()
            self._watch_after = 0.0
            self._on_watch()
        return False

    def _on_watch(self):
        """Once a second, less often where looking at the selection takes long."""
        if not (self._call or self._resting) and time.monotonic() >= self._watch_after:
            began = time.monotonic()
            if self._task.has_changed():
                self._show_plan()
            took = time.monotonic() - began
            self._watch_after = began + took / WATCH_SHARE
        return GLib.SOURCE_CONTINUE

    def _show_plan(self):
        """Asks what would be sent and what it costs; the answer is shown when it comes."""
        try:
            self._link.ensure()
            self._plan_call = self._task.ask_plan()
        except (venice_errors.LinkError, HostError) as error:
            self._set_plan(str(error))

    def _refresh_lists(self):
        try:
            self._link.ensure()
            self._status_call = self._link.send("status", self._status_params())
        except venice_errors.LinkError as error:
            self._set_plan(str(error))

    def _on_idle(self):
        """Between jobs: answers when they come, and news from the worker."""
        if self._call or self._resting or not self._link.is_open:
            return GLib.SOURCE_CONTINUE
        try:
            message = self._link.receive(0)
            self._take_status(message)
            self._take_plan(message)
        except venice_errors.LinkError as error:
            self._plan_call = self._status_call = 0
            self._set_plan(str(error))
        if self._link.news and not (self._plan_call or self._status_call):
            self._link.news = False
            self._refresh_lists()
            self._show_plan()
        return GLib.SOURCE_CONTINUE

    def _take_plan(self, message):
        over, plan = self._link.answer(message, self._plan_call)
        if over:
            self._plan_call = 0
            self._tell_plan(plan)

    def _take_status(self, message):
        over, status = self._link.answer(message, self._status_call)
        if over:
            before, self._status, self._status_call = self._status, status, 0
            self._offer()
            if any(before[name] != status[name] for name in WHO_AND_WHETHER):
                self._show_plan()

    def _tell_plan(self, plan):
        self._task.told(plan)
        self._set_plan(self._task.sentences(plan))
        if plan["key"]:
            if self._about_key:
                self._forget_notice()
        elif not self._about_key:  # told once: the form would be scrolled to it with every plan
            self._tell(KEY_MISSING, Gtk.MessageType.INFO, with_buttons=True)
            self._about_key = True

    def _forget_notice(self):
        """What it says is being taken care of; the next plan tells what still holds."""
        self._notice.hide()
        self._about_key = False

    def _set_plan(self, text):
        if text != self._plan_label.get_text():
            self._plan_label.set_text(text)
            GLib.idle_add(self._fitting.fit)

    def _tell(self, text, kind=Gtk.MessageType.ERROR, details="", with_buttons=False):
        self._about_key = False
        self._notice.show(text, kind, details, with_buttons)
        self._fitting.scroll_to(self._notice.widget)

    # Running

    def _work(self):
        """Runs the job with the window alive: True when the window's work is done."""
        self._forget_notice()
        self._stop_replan()
        self._set_busy(True)
        handler = self._dialog.connect("response", self._on_response)
        try:
            self._begin("Preparing…")
            self._outcome = None
            self._start()
            self._loop = GLib.MainLoop()
            poll = GLib.timeout_add(POLL_MS, self._on_poll)
            self._loop.run()
            GLib.source_remove(poll)
            if isinstance(self._outcome, Exception):
                raise self._outcome
            self._placed = self._task.place(self._outcome)
        except venice_errors.Detached as detached:
            self._dialog.hide()
            self._left(detached)
            return True
        except venice_errors.LinkError as error:
            if error.kind == "cancelled":
                self._link.close()  # nothing of it goes on; another try starts another worker
            self._tell_error(error)
        except HostError as error:
            self._tell(str(error), Gtk.MessageType.WARNING)
        except PlanChanged as changed:
            self._tell_plan(changed.plan)
            self._tell(str(changed), Gtk.MessageType.INFO)
        finally:
            self._call = self._cancel_call = 0
            self._close_question()
            self._dialog.disconnect(handler)
            self._set_busy(False)
        return self._placed is not None

    def _tell_error(self, error):
        own = error.kind in ("bad-input", "over-limit", "missing-key", "cancelled") and error.charge == "none"
        if error.kind in ("bad-input", "over-limit"):
            self._set_plan("")  # it says the same
        self._tell(
            str(error),
            Gtk.MessageType.WARNING if own else Gtk.MessageType.ERROR,
            error.details,
            with_buttons=error.kind in ("missing-key", "bad-key", "over-limit"),
        )

    def _start(self):
        """Alive while the worker asks for prices; a cancel is heard meanwhile, with nothing sent yet."""
        self._plan_call, self._status_call, self._resting = 0, 0, True
        try:
            self._link.ensure()
            self._call = self._task.start(self._on_start_wait)
        finally:
            self._resting = False

    def _on_start_wait(self, _message):
        stay_alive()
        if self._outcome is not None:
            raise venice_errors.LinkError("Cancelled. Nothing was charged.", "cancelled")

    def _on_poll(self):
        try:
            while True:
                message = self._link.receive(0)
                if message is None:
                    break
                over, value = self._link.answer(message, self._call)
                if over:
                    self._outcome = value
                    self._loop.quit()
                    break
                if message.get("event") == "progress":
                    self._show_progress(message)
                elif self._link.answer(message, self._cancel_call) == (True, "sent"):
                    self._ask_whether_to_wait()
        except venice_errors.LinkError as error:
            self._outcome = error
            self._loop.quit()
        if self._pulsing:
            self._progress.pulse()
            waited = int((GLib.get_monotonic_time() - self._since) / 1e6)
            self._progress.set_text(f"{self._stage} {waited} s" if waited else self._stage)
        return GLib.SOURCE_CONTINUE

    def _show_progress(self, message):
        stage = STAGES.get(message["stage"], "")
        if stage != self._stage:
            self._begin(stage)
        if message["total"]:
            self._pulsing = False
            share = message["done"] / message["total"]
            self._progress.set_fraction(share)
            self._progress.set_text(f"{stage} {100 * share:.0f} %")

    def _begin(self, stage):
        self._stage, self._pulsing = stage, True
        self._since = GLib.get_monotonic_time()
        self._progress.set_text(stage)

    def _set_busy(self, busy):
        for widget in self._inputs:
            widget.set_sensitive(not busy)
        self._dialog.set_response_sensitive(Gtk.ResponseType.OK, not busy)
        self._progress.set_visible(busy)
        GLib.idle_add(self._fitting.fit)
        if not busy:
            (self._first or self._send).grab_focus()

    # Cancelling

    def _on_response(self, _dialog, response):
        """Escape and the window's own button come as a response too; the window closes when all is said."""
        if response in _GIVING_UP:
            self._cancel()

    def _cancel(self):
        """What has not wholly left is cancelled; what has may be paid for, and the user is asked."""
        if not self._call:
            self._outcome = "given up"
        elif self._question is None:
            self._say_to_worker(unless_sent=True)

    def _say_to_worker(self, **how):
        try:
            self._cancel_call = self._link.cancel(**how)
        except venice_errors.LinkError as error:
            self._outcome = error
            self._loop.quit()

    def _ask_whether_to_wait(self):
        self._question = box = Gtk.MessageDialog(
            title="Already Sent",
            transient_for=self._dialog,
            modal=True,
            message_type=Gtk.MessageType.QUESTION,
            text="The request has already been sent, so it may be charged.",
            secondary_text=(
                "You can go on waiting for it. If you close this window, the answer is still received and "
                "kept on your disk. If you stop, the result is lost and may be charged all the same."
            ),
        )
        box.add_button("_Stop, Discard Result", STOP)
        box.add_button("_Close, Keep Result", LEAVE)
        box.add_button("_Keep Waiting", Gtk.ResponseType.CLOSE)
        box.set_default_response(Gtk.ResponseType.CLOSE)
        box.connect("response", self._on_answer)
        box.show()

    def _on_answer(self, _box, answer):
        self._close_question()
        if answer in (LEAVE, STOP):
            self._say_to_worker(stop=answer == STOP)

    def _close_question(self):
        box, self._question = self._question, None
        if box is not None:
            box.destroy()

    def _left(self, detached):
        """The worker goes on alone: where the answer will be."""
        box = Gtk.MessageDialog(
            title="Answer Kept",
            message_type=Gtk.MessageType.INFO,
            buttons=Gtk.ButtonsType.CLOSE,
            text="The answer is kept on your disk",
            secondary_text=str(detached),
        )
        box.run()
        box.destroy()

    # Other windows

    def _open_settings(self):
        self._forget_notice()
        self._resting = True
        try:
            self._link.ensure()
            run_settings(self._link, self._dialog)
        except venice_errors.LinkError as error:
            self._tell_error(error)
        finally:
            self._resting = False
        self._refresh_lists()
        self._show_plan()

    def _use_sandbox(self):
        """Until the default provider has a key, where that is all it lacks; else as a choice of its own."""
        self._forget_notice()
        status = self._status
        chosen = self._config.get_property("provider") or ""
        if status["key"] or status["keyless"] or chosen not in ("", status["default_provider"]):
            self._config.set_property("provider", "sandbox")
            return
        self._config.set_property("provider", "")
        try:
            self._link.ensure()
            self._link.call("configure", {"trial": True})
        except venice_errors.LinkError as error:
            self._tell_error(error)
        self._refresh_lists()
        self._show_plan()


def _default_provider(status):
    if status["trial"]:
        return "Sandbox, until a key is set"
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
    """Where the name is another one."""
    return model["id"] if _name(model) != model["id"] else ""


def _note(model):
    """What it costs, and how the service treats what it is sent."""
    price = model.get("price")
    amount = venice_texts.dollars(price["usd"]) if price and price["usd"] is not None else ""
    return _joined(amount, model.get("privacy", ""))


def _joined(*texts):
    return ", ".join(filter(None, texts))
