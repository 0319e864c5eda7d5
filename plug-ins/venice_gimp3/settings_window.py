"""The window for the provider, its address and key, and the daily limit."""

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
import venice_errors
from gi.repository import GimpUi, GLib, Gtk
from provider_window import NO_MODEL, SOME_ADDRESS, run_new_provider
from widgets import FittingBox, Notice, form, ignore_wheel, label, process_events

BINARY = "venice"


def run_settings(link, parent=None):
    """Show the settings; return whether they were saved. `parent`: a window that is disabled meanwhile."""
    GimpUi.init(BINARY)
    window = _SettingsWindow(link, parent)
    try:
        return window.run()
    finally:
        window.destroy()


def status_of(link, params):
    """Return the worker's status for a provider, or the sandbox's if there is no such provider."""
    try:
        return link.call("status", params)
    except venice_errors.LinkError:
        return link.call("status", dict(params, provider="sandbox"))


class _SettingsWindow:
    def __init__(self, link, parent):
        self._link = link
        status, known = self._ask_first()
        self._spent = _spending(status)
        self._profile = self._shown = None
        self._typed = {}  # what was typed for each provider and has not been saved
        self._dialog = GimpUi.Dialog(
            title="Venice Settings", role=BINARY, transient_for=parent, modal=parent is not None
        )
        self._dialog.add_button("_Cancel", Gtk.ResponseType.CANCEL)
        self._dialog.add_button("_Save", Gtk.ResponseType.OK)
        self._dialog.set_default_response(Gtk.ResponseType.OK)
        self._provider = Gtk.ComboBoxText(hexpand=True)
        self._new = Gtk.Button(label="_New...", use_underline=True)
        self._remove = Gtk.Button(label="_Remove", use_underline=True)
        self._address = Gtk.Entry(activates_default=True)
        self._model = Gtk.Entry(activates_default=True)
        self._key = Gtk.Entry(visibility=False, width_chars=44, activates_default=True)
        self._key.set_input_purpose(Gtk.InputPurpose.PASSWORD)
        self._limit = Gtk.Entry(width_chars=12, activates_default=True, placeholder_text="no limit")
        if status["daily_limit"] is not None:
            self._limit.set_text(f"{status['daily_limit']:g}")
        self._note = label(selectable=True)
        self._account = label(selectable=True)
        self._fitting = FittingBox(self._dialog, self._dialog.get_content_area())
        self._error = Notice(self._fitting.fit)
        self._test_button = Gtk.Button(
            label="_Test Connection", use_underline=True, halign=Gtk.Align.START, margin=12
        )
        self._grid = self._make_grid()
        for widget, text in self._tooltips():
            widget.set_tooltip_text(text)
        self._closing = False
        self._provider.connect("changed", self._on_provider)
        self._new.connect("clicked", lambda _button: self._add())
        self._remove.connect("clicked", lambda _button: self._remove_provider())
        self._test_button.connect("clicked", lambda _button: self._test())
        self._dialog.connect("response", self._on_response)
        box = self._fitting.box
        for widget in (self._grid, self._note, self._test_button, self._account, self._error.widget):
            box.pack_start(widget, False, False, 0)
        box.show_all()
        ignore_wheel(box)
        self._offer(status)
        if not known:
            self._provider.set_active(-1)  # and show what is wrong with the one in use

    def run(self):
        while self._dialog.run() == Gtk.ResponseType.OK:
            try:
                self._save()
                return True
            except (ValueError, venice_errors.LinkError) as error:
                self._error.show(str(error))
        return False

    def destroy(self):
        self._dialog.destroy()

    def _ask_first(self):
        """Return (status, True) of the provider in use; if unreadable, the sandbox's status and False."""
        try:
            return self._link.call("status", {"provider": ""}), True
        except venice_errors.LinkError:
            return self._link.call("status", {"provider": "sandbox"}), False

    def _make_grid(self):
        chooser = Gtk.Box(spacing=6)
        for widget in (self._provider, self._new, self._remove):
            chooser.pack_start(widget, widget is self._provider, True, 0)
        return form(
            ("_Provider:", self._provider, chooser),
            ("_Address:", self._address, self._address),
            ("_Model:", self._model, self._model),
            ("API _key:", self._key, self._key),
            ("_Daily limit (US$):", self._limit, self._limit),
        )

    def _tooltips(self):
        return (
            (self._provider, "The provider to use unless a window or script chooses another"),
            (self._new, "Add a provider with an OpenAI-compatible images API, such as your own server"),
            (self._remove, "Remove this provider, or undo your changes to a built-in one"),
            (self._address, "The service's address, up to but not including /images/edits"),
            (self._model, "The model to use when none is chosen"),
            (
                self._key,
                "Stored in the system keyring or, if there is none, in a file that only you can read",
            ),
            (self._limit, "Requests that would exceed this amount are not sent; leave empty for no limit"),
            (self._test_button, "Check the connection and the key entered here, free of charge"),
        )

    def _offer(self, status):
        """Fill the list of providers and choose one."""
        self._provider.handler_block_by_func(self._on_provider)
        self._built_in = status["bases"]
        self._provider.remove_all()
        for name in status["providers"]:
            self._provider.append(name, status["titles"][name])
        self._provider.set_active_id(status["provider"])
        self._provider.handler_unblock_by_func(self._on_provider)
        self._show(status)

    def _save(self):
        """Save everything. Raises LinkError, and ValueError for a limit that is not an amount."""
        name, limit = self._provider.get_active_id(), self._amount()
        self._remember()
        for each in [other for other in self._typed if other != name]:
            try:
                self._store(each, {"use": False})
            except venice_errors.LinkError:
                self._provider.set_active_id(each)  # so that the user sees what is wrong there
                raise
        self._store(name, {"daily_limit": limit})

    def _store(self, name, params):
        typed = self._typed.pop(name, None)
        try:
            if typed and typed["changes"]:
                self._link.call("profile", {"provider": name, "entries": typed["changes"]})
            key = {"key": typed["key"]} if typed and typed["key"] else {}
            self._link.call("configure", dict(params, provider=name, **key))
        except venice_errors.LinkError:
            if typed:
                self._typed[name] = typed
            raise

    def _remember(self):
        """Remember what was typed for the provider that is shown, for when it is chosen again."""
        if self._shown is None:
            return
        typed = {"changes": self._changes(), "key": self._key.get_text().strip()}
        self._typed.pop(self._shown, None)
        if any(typed.values()):
            self._typed[self._shown] = typed

    def _changes(self):
        """Return the changed entries of the profile; None restores what is built in."""
        if self._profile is None:
            return {}
        typed = {"base_url": self._address.get_text().strip(), "model": self._model.get_text().strip()}
        return {entry: text or None for entry, text in typed.items() if text != self._profile[entry]}

    def _amount(self):
        limit = self._limit.get_text().strip().lstrip("$").replace(",", ".")
        try:
            return float(limit) if limit else None
        except ValueError:
            raise ValueError(
                "The daily limit must be an amount in US dollars, or empty for no limit."
            ) from None

    def _add(self):
        """Add a provider of the user's own, which is stored immediately."""
        self._error.hide()
        name = run_new_provider(self._link, self._dialog)
        if name is not None:
            self._remember()
            self._offer(status_of(self._link, {"provider": name}))
            self._key.grab_focus()

    def _remove_provider(self):
        name = self._provider.get_active_id()
        if not self._confirm_removal(name):
            return
        self._error.hide()
        self._shown = None
        self._typed.pop(name, None)
        try:
            self._link.call("forget", {"provider": name})
        except venice_errors.LinkError as error:
            self._error.show(str(error))
        self._offer(status_of(self._link, {"provider": name if name in self._built_in else ""}))

    def _confirm_removal(self, name):
        """Ask the user: a built-in provider loses its changes, one of the user's own everything."""
        if name in self._built_in:
            text = f"Undo all changes to the provider “{name}”?"
            more = "Its settings are deleted immediately. Its API key is kept if the address stays the same."
        else:
            text = f"Remove the provider “{name}”?"
            more = "Its settings and API key are deleted immediately."
        box = Gtk.MessageDialog(
            transient_for=self._dialog,
            modal=True,
            message_type=Gtk.MessageType.QUESTION,
            text=text,
            secondary_text=more,
        )
        box.add_button("_Cancel", Gtk.ResponseType.CANCEL)
        box.add_button("_Remove", Gtk.ResponseType.OK)
        box.set_default_response(Gtk.ResponseType.CANCEL)
        answer = box.run()
        box.destroy()
        return answer == Gtk.ResponseType.OK

    def _test(self):
        """Ask the service about the key in the window, free of charge."""
        self._error.hide()
        self._account.set_text("Testing the connection…")
        params = {"provider": self._provider.get_active_id(), "key": self._key.get_text().strip()}
        if self._profile is not None:
            params["base_url"] = self._address.get_text().strip()
            params["model"] = self._model.get_text().strip()
        focus = self._dialog.get_focus()
        self._set_busy(True)  # one call at a time
        try:
            account = self._link.call("account", params, self._on_test_wait, 0.05)
            self._account.set_text(_described(account))
            GLib.idle_add(self._fitting.fit)
        except venice_errors.LinkError as error:
            self._account.set_text(self._spent)
            self._error.show(str(error))
        self._set_busy(False)
        if focus is not None:
            focus.grab_focus()

    def _on_test_wait(self, _message):
        process_events()
        if self._closing:
            raise venice_errors.LinkError("Test cancelled.", "cancelled")

    def _on_response(self, _dialog, response):
        self._closing = response != Gtk.ResponseType.OK

    def _set_busy(self, busy):
        for widget in (self._grid, self._test_button):
            widget.set_sensitive(not busy)
        self._dialog.set_response_sensitive(Gtk.ResponseType.OK, not busy)

    def _on_provider(self, combo):
        self._remember()
        name = combo.get_active_id()
        try:
            self._show(self._link.call("status", {"provider": name}))
            self._error.hide()
        except venice_errors.LinkError as error:
            self._show_error(str(error))
            self._remove.set_sensitive(name is not None)  # it may be one that cannot be read

    def _show(self, status):
        """Show the status of the chosen provider."""
        self._profile, self._shown = status["profile"], status["provider"]
        typed = self._typed.get(self._shown, {"changes": {}, "key": ""})
        self._set_rows(typed["changes"])
        self._key.set_text(typed["key"])
        self._key.set_sensitive(status["provider"] != "sandbox")
        self._note.set_text(_note(status))
        self._account.set_text(self._spent)  # any test was of another provider
        GLib.idle_add(self._fitting.fit)

    def _show_error(self, words):
        """Show why the chosen provider's status is unknown."""
        self._profile = self._shown = None
        self._set_rows({})
        self._key.set_text("")
        self._key.set_sensitive(False)
        self._note.set_text("")
        self._account.set_text(self._spent)
        self._error.show(words)

    def _set_rows(self, changes):
        """Fill the profile's entries; `changes`: those that were typed."""
        profile = self._profile
        self._remove.set_sensitive(profile is not None and profile["changed"])
        rows = (("base_url", self._address, SOME_ADDRESS), ("model", self._model, NO_MODEL))
        for entry, widget, example in rows:
            widget.set_sensitive(profile is not None)
            widget.set_text((changes.get(entry, profile[entry]) or "") if profile else "")
            widget.set_placeholder_text(example if profile else "")
        if profile is not None:
            self._address.set_sensitive(not profile["base_url_variable"])


def _note(status):
    name, profile = status["provider"], status["profile"]
    kept = {"keyring": "system keyring", "file": "settings folder"}
    if name == "sandbox":
        return "The sandbox runs on this computer. It needs no API key, costs nothing, and only recolors."
    if status["key_source"] == "environment":
        note = "The API key comes from an environment variable, which overrides a key entered here."
    elif status["key"]:
        note = f"An API key is stored in the {kept[status['key_source']]}. Leave this field empty to keep it."
    elif status["keyless"]:
        note = "An API key is optional."
    else:
        note = (
            "No API key is set. It will be stored in the system keyring or, if there is none, in a file that "
            "only you can read."
        )
    if profile is not None and profile["base_url_variable"]:
        note += f" The address comes from {profile['base_url_variable']}."
    return note


def _spending(status):
    spent = status["spent_today"]
    if not spent["requests"]:
        return "Nothing spent today."
    unknown = f", and {spent['unpriced']} at an unknown price" if spent["unpriced"] else ""
    count = "1 request" if spent["requests"] == 1 else f"{spent['requests']} requests"
    return f"Today: {count}, at most ${spent['usd']:.2f}{unknown}."


def _described(account):
    balances = [
        f"{account[name]:.2f} {unit}"
        for name, unit in (("usd", "US dollars"), ("diem", "DIEM"))
        if account[name] is not None
    ]
    balance = f" Balance: {' and '.join(balances)}." if balances else ""
    access = "" if account["permitted"] else " The service currently denies this key access."
    note = f" {account['note']}" if account["note"] else ""
    return f"The connection works.{access}{balance}{note}"
