"""The window of a task: prompt and options, what will be sent and its price, progress, cancel, errors.

It stays open until its result is placed: an error is shown in it, with the prompt kept.
"""

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
import venice_link
from gi.repository import GimpUi, GLib, GObject, Gtk
from settings_window import BINARY, run_settings, status_of
from venice_task import ALREADY_SENT, KEY_MISSING, STAGES, HostError, PlanChanged, describe
from widgets import ErrorBar, add_choice, label, make_prompt_large, mnemonic, stay_alive

POLL_MS = 50
REPLAN_MS = 200
MOST_OPTIONS = 300  # px: so that the whole window fits on a small screen

QUESTIONS = {"edit": "_Prompt: what should change?", "generate": "_Prompt: what should the picture show?"}
# What stands at the top; the other options lie behind a fold.
MAIN = {
    "edit": ["prompt"],
    "cutout": ["output"],
    "generate": ["prompt", "negative-prompt"],
    "upscale": ["scale"],
}
# Lists of what the service offers: option -> label, what "" means, and where the worker's status has it.
MODEL_LISTS = {
    "aspect-ratio": ("_Aspect ratio", "what fits best", "aspect_ratios"),
    "resolution": ("Resol_ution", "the model's default", "resolutions"),
    "quality": ("_Quality", "the model's default", "qualities"),
}
OWN_LISTS = ("model", "style", "provider")


def run_task(procedure, config, task, link):
    """Shows the window until the result is placed: what `Task.place` returns, or None when given up."""
    GimpUi.init(BINARY)
    window = _TaskWindow(procedure, config, task, link)
    try:
        return window.run()
    finally:
        window.destroy()


class _TaskWindow:
    def __init__(self, procedure, config, task, link):
        self._config, self._task, self._link = config, task, link
        self._placed = None
        self._replan = 0
        self._call = None
        self._plan_call = 0
        self._resting = False  # while another window talks to the worker
        self._first = None
        self._offers = {}
        self._dialog = GimpUi.ProcedureDialog.new(procedure, config, task.title)
        self._dialog.set_ok_label("Se_nd")
        self._fill()
        self._show_plan()
        config.connect("notify", self._on_option)
        self._poll = GLib.timeout_add(POLL_MS, self._on_idle)

    def run(self):
        """One round a try: the person's choice, then the job; again after an error."""
        while self._dialog.run():
            if self._work():
                return self._placed
        return None

    def destroy(self):
        for source in (self._replan, self._poll):
            if source:
                GLib.source_remove(source)
        self._dialog.destroy()

    def _fill(self):
        dialog, action = self._dialog, self._task.action
        area = dialog.get_content_area()
        self._labels = Gtk.SizeGroup(mode=Gtk.SizeGroupMode.HORIZONTAL)
        if action in QUESTIONS:
            self._first = make_prompt_large(dialog.get_widget("prompt", Gtk.TextView.__gtype__), dialog)
            area.pack_start(mnemonic(QUESTIONS[action], self._first), False, False, 0)
            dialog.connect("show", lambda _dialog: self._first.grab_focus())
        dialog.fill(MAIN[action])
        self._align(MAIN[action])
        self._status = self._ask_status()
        area.pack_start(self._make_main_lists(), False, False, 0)
        shown = {*MAIN[action], *OWN_LISTS, *MODEL_LISTS}
        more = [option for option in (*self._task.own_options, *self._task.options) if option not in shown]
        if len(more) > 1:
            box = dialog.fill_box("more-box", more)
            box.pack_start(self._make_model_lists(), False, False, 0)
            dialog.get_label("more-label", "_Options", False, True)
            scrolled = dialog.fill_scrolled_window("more-scrolled", "more-box")
            scrolled.set_overlay_scrolling(False)  # one must see that there is more
            scrolled.set_policy(Gtk.PolicyType.NEVER, Gtk.PolicyType.AUTOMATIC)
            scrolled.set_min_content_height(min(MOST_OPTIONS, box.get_preferred_height().natural_height))
            fold = dialog.fill_expander("more", "more-label", False, "more-scrolled")
            # else Tab would lead through what is folded away
            fold.bind_property("expanded", scrolled, "visible", GObject.BindingFlags.SYNC_CREATE)
            dialog.fill(["more"])
        elif more:
            dialog.fill(more)
        self._align(more)
        self._offer()
        # What was packed so far is the form; it rests while a job runs.
        self._inputs = area.get_children()
        self._plan_label = label(selectable=True)
        self._error = ErrorBar()
        self._error.add_button("_Settings...", self._open_settings)
        self._error.add_button("_Try the sandbox", self._use_sandbox)
        self._progress = Gtk.ProgressBar(show_text=True, no_show_all=True, margin_top=12, margin_bottom=12)
        self._plan_label.set_property("margin-start", 0)
        self._plan_label.set_property("margin-end", 0)
        for widget in (self._plan_label, self._error.widget, self._progress):
            area.pack_start(widget, False, False, 0)
        self._plan_label.show()

    def _align(self, options):
        """One column for the labels of GIMP's own widgets and of ours."""
        for option in options:
            widget = self._dialog.get_widget(option, GObject.TYPE_NONE)
            if isinstance(widget, GimpUi.Labeled):
                self._labels.add_widget(widget.get_label())

    def _make_main_lists(self):
        status = self._status
        grid = Gtk.Grid(row_spacing=6, column_spacing=6)
        default = status["default_model"] or "the server's own"
        self._add_list(grid, "model", "Mo_del", f"default: {default}")
        self._add_list(grid, "style", "St_yle", "none")
        self._add_list(grid, "provider", "Pro_vider", f"as set: {status['provider']}")
        return grid

    def _make_model_lists(self):
        grid = Gtk.Grid(row_spacing=6, column_spacing=6)
        for name, (text, default, _) in MODEL_LISTS.items():
            self._add_list(grid, name, text, default)
        return grid

    def _add_list(self, grid, name, text, default):
        """For an option of which the service says what there is."""
        if name in self._task.options:
            row = len(grid.get_children()) // 2
            self._offers[name] = add_choice(grid, row, text, self._config, name, default, self._labels)

    def _ask_status(self):
        return status_of(self._link, self._config.get_property("provider") or "", self._task.action)

    def _offer(self):
        """Fills the lists with what the service and the chosen model have."""
        status = self._status
        wish = self._config.get_property("model") if "model" in self._offers else None
        chosen = wish or status["default_model"]
        model = next((each for each in status["models"] if each["id"] == chosen), {})
        offered = {"model": [(each["id"], _model_label(each)) for each in status["models"]]}
        offered["style"] = [(style, style) for style in status["styles"]]
        offered["provider"] = [(provider, provider) for provider in status["providers"]]
        for name, (_, _, where) in MODEL_LISTS.items():
            offered[name] = [(value, value) for value in model.get(where, ())]
        for name, offer in self._offers.items():
            offer(offered[name])

    def _on_option(self, _config, changed):
        if changed.name == "provider":
            self._refresh_lists()
        elif changed.name == "model":
            self._offer()
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
        except (venice_link.LinkError, HostError) as error:
            self._plan_label.set_text(str(error))

    def _on_idle(self):
        """Between jobs: the plan when it comes, and news from the worker."""
        if self._call is not None or self._resting or not self._link.is_open:
            return GLib.SOURCE_CONTINUE
        try:
            over, plan = self._link.answer(self._link.receive(0), self._plan_call)
        except venice_link.LinkError as error:
            self._plan_call = 0
            self._plan_label.set_text(str(error))
            return GLib.SOURCE_CONTINUE
        if over:
            self._plan_call = 0
            self._tell_plan(plan)
        elif self._link.news and not self._plan_call:
            self._link.news = False
            self._refresh_lists()
            self._show_plan()
        return GLib.SOURCE_CONTINUE

    def _tell_plan(self, plan):
        self._task.told(plan)
        self._plan_label.set_text(describe(plan))
        if plan["key"]:
            self._error.hide()
        else:
            self._error.show(KEY_MISSING, with_buttons=True)

    def _refresh_lists(self):
        self._plan_call = 0  # should one be under way, its answer is passed over while asking
        try:
            self._link.ensure()
            self._status = self._ask_status()
        except venice_link.LinkError as error:
            self._plan_label.set_text(str(error))
        else:
            self._offer()

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
            self._outcome = None
            self._start()
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
            if error.kind in ("bad-input", "over-limit"):
                self._plan_label.set_text("")  # it says the same
            self._error.show(str(error), with_buttons=error.kind in ("missing-key", "bad-key", "over-limit"))
        except HostError as error:
            self._error.show(str(error))
        except PlanChanged as changed:
            self._tell_plan(changed.plan)
            self._error.show(str(changed))
        finally:
            self._call = None
            for handler in handlers:
                self._dialog.disconnect(handler)
            self._set_busy(False)
        return self._placed is not None

    def _start(self):
        """Alive while the worker asks for prices; a cancel is heard meanwhile, with nothing sent yet."""
        self._plan_call, self._resting = 0, True
        try:
            self._link.ensure()
            self._call = self._task.start(self._on_start_wait)
        finally:
            self._resting = False

    def _on_start_wait(self, _message):
        stay_alive()
        if self._outcome is not None:
            raise venice_link.LinkError("Cancelled. Nothing was charged.", "cancelled")

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
        if self._call is None:
            self._outcome = "given up"
            return
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
            text=ALREADY_SENT,
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
        self._resting = True
        if run_settings(self._link):
            self._refresh_lists()
        self._resting = False
        self._show_plan()

    def _use_sandbox(self):
        self._config.set_property("provider", "sandbox")


def _model_label(model):
    price = model["price"]
    return f"{model['id']} (${price['usd']:.3g})" if price and price["usd"] is not None else model["id"]
