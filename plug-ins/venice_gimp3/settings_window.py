"""The window for the provider, its address and its key."""

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
import venice_link
from gi.repository import GimpUi, Gtk
from provider_window import NO_MODEL, SOME_ADDRESS, run_new_provider
from widgets import ErrorBar, form, label, shrink, stay_alive

BINARY = "venice"


def run_settings(link):
    """Shows the settings; True when they were stored."""
    GimpUi.init(BINARY)
    window = _SettingsWindow(link)
    try:
        return window.run()
    finally:
        window.destroy()


def status_of(link, wish, action="edit"):
    """The worker's status for a provider; the sandbox's where there is none of that name (any more)."""
    try:
        return link.call("status", {"provider": wish, "action": action})
    except venice_link.LinkError:
        return link.call("status", {"provider": "sandbox", "action": action})


class _SettingsWindow:
    def __init__(self, link):
        self._link = link
        status, known = self._ask_first()
        self._spent = _spending(status)
        self._profile = None
        self._dialog = GimpUi.Dialog(title="Venice Settings", role=BINARY)
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
        self._error = ErrorBar()
        self._test_button = Gtk.Button(
            label="_Test Connection", use_underline=True, halign=Gtk.Align.START, margin=12
        )
        self._grid = self._make_grid()
        self._closing = False
        self._provider.connect("changed", self._on_provider)
        self._new.connect("clicked", lambda _button: self._add())
        self._remove.connect("clicked", lambda _button: self._take_away())
        self._test_button.connect("clicked", lambda _button: self._test())
        self._dialog.connect("response", self._on_response)
        area = self._dialog.get_content_area()
        for widget in (self._grid, self._note, self._test_button, self._account, self._error.widget):
            area.pack_start(widget, False, False, 0)
        area.show_all()
        self._offer(status)
        if not known:
            self._provider.set_active(-1)  # and what is wrong with the one in use is shown

    def run(self):
        while self._dialog.run() == Gtk.ResponseType.OK:
            try:
                self._save()
                return True
            except (ValueError, venice_link.LinkError) as error:
                self._error.show(str(error))
        return False

    def destroy(self):
        self._dialog.destroy()

    def _ask_first(self):
        """The status of the provider in use; the sandbox's, and False, where that cannot be read."""
        try:
            return self._link.call("status", {"provider": ""}), True
        except venice_link.LinkError:
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
            ("Spend at most a _day, in US dollars:", self._limit, self._limit),
        )

    def _offer(self, status):
        """Fills the list of providers and chooses one."""
        self._provider.handler_block_by_func(self._on_provider)
        self._built_in = status["bases"]
        self._provider.remove_all()
        for name in status["providers"]:
            self._provider.append(name, name)
        self._provider.set_active_id(status["provider"])
        self._provider.handler_unblock_by_func(self._on_provider)
        self._show(status)

    def _save(self):
        """Raises ValueError for a limit that is no amount, and LinkError."""
        name, limit = self._provider.get_active_id(), self._amount()
        changes = self._changes()
        if changes:
            self._link.call("profile", {"provider": name, "entries": changes})
        params = {"provider": name, "daily_limit": limit}
        if self._key.get_text().strip():
            params["key"] = self._key.get_text().strip()
        self._link.call("configure", params)

    def _changes(self):
        """What was typed over of the profile; None where an entry was emptied: as it is built in."""
        if self._profile is None:
            return {}
        typed = {"base_url": self._address.get_text().strip(), "model": self._model.get_text().strip()}
        return {entry: text or None for entry, text in typed.items() if text != self._profile[entry]}

    def _amount(self):
        limit = self._limit.get_text().strip().lstrip("$").replace(",", ".")
        try:
            return float(limit) if limit else None
        except ValueError:
            raise ValueError("The limit must be an amount of US dollars, or empty for none.") from None

    def _add(self):
        """A provider of the person's own, which is there at once."""
        self._error.hide()
        name = run_new_provider(self._link, self._dialog)
        if name is not None:
            self._offer(status_of(self._link, name))
            self._key.grab_focus()

    def _take_away(self):
        name = self._provider.get_active_id()
        if not self._is_sure(name):
            return
        self._error.hide()
        try:
            self._link.call("forget", {"provider": name})
        except venice_link.LinkError as error:
            self._error.show(str(error))
        self._offer(status_of(self._link, name if name in self._built_in else ""))

    def _is_sure(self, name):
        """A provider that is built in loses what was changed of it, one of the person's own everything."""
        if name in self._built_in:
            text = f"Undo all changes to the provider “{name}”?"
            more = "Its entries in the settings are deleted at once. Its key stays, if its address does."
        else:
            text = f"Remove the provider “{name}”?"
            more = "Its entries in the settings and its key are deleted at once."
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
        """Asks the service about the key, as it stands in the window; that costs nothing."""
        self._error.hide()
        self._account.set_text("Asking the service…")
        params = {"provider": self._provider.get_active_id(), "key": self._key.get_text().strip()}
        if self._profile is not None:
            params["base_url"] = self._address.get_text().strip()
            params["model"] = self._model.get_text().strip()
        focus = self._dialog.get_focus()
        self._set_busy(True)  # one call at a time
        try:
            account = self._link.call("account", params, self._on_test_wait, 0.05)
            self._account.set_text(_described(account))
        except venice_link.LinkError as error:
            self._account.set_text(self._spent)
            self._error.show(str(error))
        self._set_busy(False)
        if focus is not None:
            focus.grab_focus()

    def _on_test_wait(self, _message):
        stay_alive()
        if self._closing:
            raise venice_link.LinkError("The test was given up.", "cancelled")

    def _on_response(self, _dialog, response):
        self._closing = response != Gtk.ResponseType.OK

    def _set_busy(self, busy):
        for widget in (self._grid, self._test_button):
            widget.set_sensitive(not busy)
        self._dialog.set_response_sensitive(Gtk.ResponseType.OK, not busy)

    def _on_provider(self, combo):
        name = combo.get_active_id()
        try:
            self._show(self._link.call("status", {"provider": name}))
            self._error.hide()
        except venice_link.LinkError as error:
            self._show_wrong(str(error))
            self._remove.set_sensitive(name is not None)  # perhaps it is one that cannot be read

    def _show(self, status):
        """What is known of the chosen provider."""
        self._profile = status["profile"]
        self._set_rows()
        self._key.set_text("")
        self._key.set_sensitive(status["provider"] != "sandbox")
        self._note.set_text(_note(status))
        self._account.set_text(self._spent)  # a test was of another one
        shrink(self._dialog)

    def _show_wrong(self, words):
        """Why nothing is known of it."""
        self._profile = None
        self._set_rows()
        self._key.set_text("")
        self._key.set_sensitive(False)
        self._note.set_text("")
        self._account.set_text(self._spent)
        self._error.show(words)

    def _set_rows(self):
        profile = self._profile
        self._remove.set_sensitive(profile is not None and profile["changed"])
        rows = (("base_url", self._address, SOME_ADDRESS), ("model", self._model, NO_MODEL))
        for entry, widget, example in rows:
            widget.set_sensitive(profile is not None)
            widget.set_text(profile[entry] if profile else "")
            widget.set_placeholder_text(example if profile else "")
        if profile is not None:
            self._address.set_sensitive(not profile["base_url_variable"])


def _note(status):
    name, profile = status["provider"], status["profile"]
    kept = {"environment": "environment", "keyring": "system's keyring", "file": "settings folder"}
    if name == "sandbox":
        return "The sandbox runs on this machine, needs no key and costs nothing. It only recolours."
    if status["key"]:
        note = f"A key is set ({kept[status['key_source']]}). Leave the field empty to keep it."
    elif status["keyless"]:
        note = "No key is needed, but one can be set."
    else:
        note = "No key is set. It will be kept in the system's keyring, or in a file only you can read."
    if profile is not None and profile["base_url_variable"]:
        note += f" The address is from {profile['base_url_variable']}."
    return note


def _spending(status):
    spent = status["spent_today"]
    if not spent["requests"]:
        return "Nothing was spent today."
    unknown = f", and {spent['unpriced']} at a price that is not known" if spent["unpriced"] else ""
    return f"Today: {spent['requests']} requests for at most ${spent['usd']:.2f}{unknown}."


def _described(account):
    balances = [
        f"{account[name]:.2f} {unit}"
        for name, unit in (("usd", "US dollars"), ("diem", "DIEM"))
        if account[name] is not None
    ]
    balance = f" Balance: {' and '.join(balances)}." if balances else ""
    access = "" if account["permitted"] else " The service does not give it access at present."
    note = f" {account['note']}" if account["note"] else ""
    return f"The connection works.{access}{balance}{note}"
