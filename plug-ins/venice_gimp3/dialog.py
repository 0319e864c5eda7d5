"""The windows: prompt and options, what will be sent and its price, progress, cancel, errors, settings.

A task's window stays open until its result is placed: an error is shown in it, with the prompt kept.
"""

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
import host
import venice_link
from gi.repository import Gdk, GimpUi, GLib, GObject, Gtk
from task import STAGES

BINARY = "venice"
POLL_MS = 50
REPLAN_MS = 200

MAIN = {
    "plug-in-venice-edit": ["prompt"],
    "plug-in-venice-remove-background": ["output"],
}
MORE = {
    "plug-in-venice-edit": [
        "selection",
        "sample",
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
    ],
    "plug-in-venice-remove-background": ["defringe"],
}
TITLES = {
    "plug-in-venice-edit": "Edit with Prompt",
    "plug-in-venice-remove-background": "Remove Background",
}
KEY_MISSING = "No API key is set for this service."


def run_task(procedure, config, task, link):
    """Shows the window until the result is placed: what `Task.place` returns, or None when given up."""
    GimpUi.init(BINARY)
    window = _TaskWindow(procedure, config, task, link)
    try:
        return window.run()
    finally:
        window.destroy()


def run_settings(link):
    """Shows the settings; True when they were stored."""
    GimpUi.init(BINARY)
    window = _SettingsWindow(link)
    try:
        return window.run()
    finally:
        window.destroy()


class _TaskWindow:
    def __init__(self, procedure, config, task, link):
        name = procedure.get_name()
        self._config, self._task, self._link = config, task, link
        self._placed = None
        self._replan = 0
        self._call = None
        self._plan_call = self._plan_poll = 0
        self._first = None
        self._dialog = GimpUi.ProcedureDialog.new(procedure, config, TITLES[name])
        self._dialog.set_ok_label("Send")
        self._fill(name)
        self._show_plan()
        config.connect("notify", self._on_option)

    def run(self):
        """One round a try: the person's choice, then the job; again after an error."""
        while self._dialog.run():
            if self._work():
                return self._placed
        return None

    def destroy(self):
        for source in (self._replan, self._plan_poll):
            if source:
                GLib.source_remove(source)
        self._dialog.destroy()

    def _fill(self, name):
        dialog = self._dialog
        area = dialog.get_content_area()
        if name == "plug-in-venice-edit":
            self._first = _make_prompt_large(dialog.get_widget("prompt", Gtk.TextView.__gtype__), dialog)
            area.pack_start(_mnemonic("What should change?", self._first), False, False, 0)
            dialog.connect("show", lambda _dialog: self._first.grab_focus())
        dialog.fill(MAIN[name])
        grid = Gtk.Grid(row_spacing=6, column_spacing=6, border_width=12)
        try:
            status = self._link.call("status", {"provider": self._config.get_property("provider") or ""})
        except venice_link.LinkError:  # such as an unknown provider among the last values
            status = self._link.call("status", {"provider": "sandbox"})
        row = 0
        if name == "plug-in-venice-edit":
            models = [(model["id"], _model_label(model)) for model in status["models"]]
            default = f"default: {status['default_model']}"
            _add_choice(grid, row, "Mo_del:", self._config, "model", models, default)
            row += 1
        providers = [(provider, provider) for provider in status["providers"]]
        _add_choice(
            grid, row, "Pro_vider:", self._config, "provider", providers, f"as set: {status['provider']}"
        )
        area.pack_start(grid, False, False, 0)
        if len(MORE[name]) > 1:
            dialog.fill_box("more-box", MORE[name])
            dialog.get_label("more-label", "Options", False, False)
            dialog.fill_expander("more", "more-label", False, "more-box")
            dialog.fill(["more"])
        else:
            dialog.fill(MORE[name])
        # What was packed so far is the form; it rests while a job runs.
        self._inputs = area.get_children()
        self._plan_label = _label(selectable=True)
        self._error = _ErrorBar()
        self._error.add_button("_Settings...", self._open_settings)
        self._error.add_button("_Try the sandbox", self._use_sandbox)
        self._progress = Gtk.ProgressBar(show_text=True, no_show_all=True, margin=12)
        for widget in (self._plan_label, self._error.widget, self._progress):
            area.pack_start(widget, False, False, 0)
        self._plan_label.show()

    def _on_option(self, _config, _property):
        if self._replan:
            GLib.source_remove(self._replan)
        self._replan = GLib.timeout_add(REPLAN_MS, self._on_replan)

    def _on_replan(self):
        self._replan = 0
        if self._call is None:
            self._show_plan()
        return GLib.SOURCE_REMOVE

    def _show_plan(self):
        """Asks what would be sent and what it costs; the answer is shown when it comes."""
        try:
            self._link.ensure()
            self._plan_call = self._task.ask_plan()
        except (venice_link.LinkError, host.HostError) as error:
            self._plan_label.set_text(str(error))
            return
        if not self._plan_poll:
            self._plan_poll = GLib.timeout_add(POLL_MS, self._on_plan_poll)

    def _on_plan_poll(self):
        try:
            message = None if self._call else self._link.receive(0)
            over, plan = self._link.answer(message, self._plan_call)
        except venice_link.LinkError as error:
            over, plan = True, None
            self._plan_label.set_text(str(error))
        if plan is not None:
            self._task.told(plan)
            self._plan_label.set_text(describe(plan))
            if plan["key"]:
                self._error.hide()
            else:
                self._error.show(KEY_MISSING, with_buttons=True)
        if over:
            self._plan_poll = 0
        return not over

    def _work(self):
        """Runs the job with the window alive: True when the window's work is done."""
        self._error.hide()
        self._set_busy(True)
        handlers = [
            self._dialog.connect("response", self._on_response),
            self._dialog.connect("delete-event", self._on_delete),
        ]
        try:
            self._begin("Preparing…")
            self._link.ensure()
            self._call = self._task.start()
            self._outcome = None
            self._loop = GLib.MainLoop()
            poll = GLib.timeout_add(POLL_MS, self._on_poll)
            self._loop.run()
            GLib.source_remove(poll)
            if isinstance(self._outcome, Exception):
                raise self._outcome
            self._placed = self._task.place(self._outcome)
        except venice_link.Detached as detached:
            self._tell_detached(detached)
            return True
        except venice_link.LinkError as error:
            if error.kind == "cancelled":
                self._link.close()  # nothing of it goes on; another try starts another worker
            if error.kind == "bad-input":
                self._plan_label.set_text("")  # it says the same
            self._error.show(str(error), with_buttons=error.kind in ("missing-key", "bad-key"))
        except host.HostError as error:
            self._error.show(str(error))
        finally:
            self._call = None
            for handler in handlers:
                self._dialog.disconnect(handler)
            self._set_busy(False)
        return self._placed is not None

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
        except venice_link.LinkError as error:
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

    def _on_response(self, _dialog, response):
        if response in (Gtk.ResponseType.CANCEL, Gtk.ResponseType.DELETE_EVENT, Gtk.ResponseType.CLOSE):
            self._cancel()

    def _on_delete(self, _dialog, _event):
        self._cancel()
        return True  # the window closes when the worker has answered

    def _cancel(self):
        try:
            self._link.cancel()
        except venice_link.LinkError as error:
            self._outcome = error
            self._loop.quit()

    def _tell_detached(self, detached):
        """The plug-in is free already; the person may still stop the worker for good."""
        box = Gtk.MessageDialog(
            transient_for=self._dialog,
            modal=True,
            message_type=Gtk.MessageType.INFO,
            text="The request had already been sent",
            secondary_text=str(detached),
        )
        box.add_button("Stop for _Good", Gtk.ResponseType.REJECT)
        box.add_button("_Close", Gtk.ResponseType.CLOSE)
        box.set_default_response(Gtk.ResponseType.CLOSE)
        if box.run() == Gtk.ResponseType.REJECT:
            self._link.stop()
        box.destroy()

    def _set_busy(self, busy):
        for widget in self._inputs:
            widget.set_sensitive(not busy)
        self._dialog.set_response_sensitive(Gtk.ResponseType.OK, not busy)
        self._progress.set_visible(busy)
        if self._first is not None and not busy:
            self._first.grab_focus()

    def _open_settings(self):
        self._link.ensure()
        if run_settings(self._link):
            self._show_plan()

    def _use_sandbox(self):
        self._config.set_property("provider", "sandbox")


class _SettingsWindow:
    def __init__(self, link):
        self._link = link
        status = link.call("status", {"provider": ""}) if self._readable() else None
        self._dialog = GimpUi.Dialog(title="Venice Settings", role=BINARY)
        self._dialog.add_button("_Cancel", Gtk.ResponseType.CANCEL)
        self._dialog.add_button("_Save", Gtk.ResponseType.OK)
        self._dialog.set_default_response(Gtk.ResponseType.OK)
        grid = Gtk.Grid(row_spacing=6, column_spacing=6, border_width=12)
        self._provider = Gtk.ComboBoxText()
        for name in (status or link.call("status", {"provider": "sandbox"}))["providers"]:
            self._provider.append(name, name)
        self._provider.set_active_id(status["provider"] if status else "venice")
        self._provider.connect("changed", self._on_provider)
        self._key = Gtk.Entry(visibility=False, width_chars=44, activates_default=True)
        self._key.set_input_purpose(Gtk.InputPurpose.PASSWORD)
        self._note = _label()
        self._error = _ErrorBar()
        for row, (text, widget) in enumerate((("_Provider:", self._provider), ("API _key:", self._key))):
            grid.attach(_mnemonic(text, widget), 0, row, 1, 1)
            widget.set_hexpand(True)
            grid.attach(widget, 1, row, 1, 1)
        area = self._dialog.get_content_area()
        for widget in (grid, self._note, self._error.widget):
            area.pack_start(widget, False, False, 0)
        area.show_all()
        self._on_provider(self._provider)

    def _readable(self):
        try:
            self._link.call("status", {"provider": ""})
        except venice_link.LinkError:
            return False
        return True

    def run(self):
        while self._dialog.run() == Gtk.ResponseType.OK:
            params = {"provider": self._provider.get_active_id()}
            if self._key.get_text().strip():
                params["key"] = self._key.get_text().strip()
            try:
                self._link.call("configure", params)
                return True
            except venice_link.LinkError as error:
                self._error.show(str(error))
        return False

    def destroy(self):
        self._dialog.destroy()

    def _on_provider(self, combo):
        name = combo.get_active_id()
        status = self._link.call("status", {"provider": name})
        self._key.set_sensitive(name != "sandbox")
        if name == "sandbox":
            note = "The sandbox runs on this machine, needs no key and costs nothing. It only recolours."
        elif status["key"]:
            kept = {"environment": "environment", "keyring": "system's keyring", "file": "settings folder"}
            note = f"A key is set ({kept[status['key_source']]}). Leave the field empty to keep it."
        else:
            note = "No key is set. It is kept in the system's keyring, or else in a file only you can read."
        self._note.set_text(note)


class _ErrorBar:
    """A bar with a sentence, and buttons for what helps."""

    def __init__(self):
        self.widget = Gtk.InfoBar(message_type=Gtk.MessageType.ERROR, no_show_all=True)
        self.widget.set_orientation(Gtk.Orientation.VERTICAL)
        self._text = _label(selectable=True)
        self._text.show()
        self.widget.get_content_area().pack_start(self._text, True, True, 0)
        self._buttons = []

    def add_button(self, text, action):
        button = self.widget.add_button(text, Gtk.ResponseType.NONE)
        button.connect("clicked", lambda _button: action())
        self._buttons.append(button)

    def show(self, text, with_buttons=False):
        self._text.set_text(text)
        for button in self._buttons:
            button.set_visible(with_buttons)
        self.widget.show()

    def hide(self):
        self.widget.hide()


def describe(plan):
    """A plan in a few sentences: what leaves the machine, where to, and the price."""
    size = f"{plan['size']['width']} × {plan['size']['height']} px"
    what = f"the selection as a mask and {size}" if plan["guided"] else size
    model = f"{plan['provider']}, {plan['model']}" if plan["model"] else plan["provider"]
    price = plan["price"]
    if plan["provider"] == "sandbox":
        cost = "Costs nothing: the sandbox uses no AI."
    elif price and price["usd"] is not None:
        cost = f"Costs about ${price['usd']:.3g}."
    else:
        cost = "The price is not known."
    lines = [f"Sends {what} to {model}. {cost}", *plan["warnings"]]
    return "\n".join(lines)


def _model_label(model):
    price = model["price"]
    return f"{model['id']} (${price['usd']:.3g})" if price and price["usd"] is not None else model["id"]


def _add_choice(grid, row, text, config, name, choices, default):
    """A list bound to a text option: "" is the default, and other texts may be typed."""
    combo = Gtk.ComboBoxText.new_with_entry()
    labels = dict(choices)
    for label in labels.values():
        combo.append_text(label)
    entry = combo.get_child()
    entry.set_placeholder_text(default)

    def picked(_combo):
        index = combo.get_active()
        if index >= 0:
            entry.set_text(choices[index][0])

    combo.connect("changed", picked)
    flags = GObject.BindingFlags.BIDIRECTIONAL | GObject.BindingFlags.SYNC_CREATE
    config.bind_property(name, entry, "text", flags)
    grid.attach(_mnemonic(text, entry), 0, row, 1, 1)
    combo.set_hexpand(True)
    grid.attach(combo, 1, row, 1, 1)
    grid.show_all()


def _mnemonic(text, widget):
    label = Gtk.Label(label=text, use_underline=True, xalign=0.0)
    label.set_mnemonic_widget(widget)
    label.show()
    return label


def _label(selectable=False):
    return Gtk.Label(xalign=0.0, wrap=True, max_width_chars=64, selectable=selectable, margin=12)


def _make_prompt_large(widget, dialog):
    """Several lines, and Ctrl+Enter sends. Returns the text view in `widget`."""
    view = _find(widget, Gtk.TextView)
    frame = view.get_parent()
    if isinstance(frame, Gtk.ScrolledWindow):
        frame.set_shadow_type(Gtk.ShadowType.IN)
    view.set_wrap_mode(Gtk.WrapMode.WORD_CHAR)
    view.set_size_request(420, 84)

    def on_key(_view, event):
        enter = event.keyval in (Gdk.KEY_Return, Gdk.KEY_KP_Enter)
        if enter and event.state & Gdk.ModifierType.CONTROL_MASK:
            dialog.response(Gtk.ResponseType.OK)
            return True
        return False

    view.connect("key-press-event", on_key)
    return view


def _find(widget, kind):
    """The first widget of that kind in a tree of widgets."""
    if isinstance(widget, kind):
        return widget
    if isinstance(widget, Gtk.Container):
        for child in widget.get_children():
            found = _find(child, kind)
            if found is not None:
                return found
    return None
