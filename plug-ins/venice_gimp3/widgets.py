"""Widgets that the windows share."""

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, GimpUi, GLib, GObject, Gtk

ICONS = {
    Gtk.MessageType.ERROR: "dialog-error",
    Gtk.MessageType.WARNING: "dialog-warning",
    Gtk.MessageType.INFO: "dialog-information",
}
# The theme's name for the color of a message's frame, and a color for themes without it.
COLORS = {
    Gtk.MessageType.ERROR: ("error_color", "#e01b24"),
    Gtk.MessageType.WARNING: ("warning_color", "#cd9309"),
    Gtk.MessageType.INFO: ("theme_selected_bg_color", "#3584e4"),
}
NAMES = {Gtk.MessageType.ERROR: "Error", Gtk.MessageType.WARNING: "Warning", Gtk.MessageType.INFO: "Note"}
FRAME = "box {{ border: 2px solid {}; border-radius: 4px; padding: 10px; }}"
PROMPT_SIZE = 420, 84  # px; longer prompts scroll
MARGIN = 60  # px of the screen left free for the window's title and the desktop's panels


class Notice:
    """A message in a window: an icon, text, buttons for remedies, and details in a fold."""

    def __init__(self, on_resize):
        self._on_resize = on_resize
        self.widget = Gtk.Box(spacing=12, no_show_all=True, margin_top=6, margin_bottom=6)
        self._style = Gtk.CssProvider()
        self.widget.get_style_context().add_provider(self._style, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION + 1)
        self._icon = Gtk.Image(valign=Gtk.Align.START)
        self._text = label(selectable=True, margin=0)
        self._buttons = Gtk.Box(spacing=6)
        self._details = label(selectable=True, margin=0)
        self._fold = Gtk.Expander(label="Details")
        self._fold.add(self._details)
        # otherwise Tab would move to hidden text
        self._fold.bind_property("expanded", self._details, "visible", GObject.BindingFlags.SYNC_CREATE)
        self._fold.connect("notify::expanded", lambda *_: GLib.idle_add(self._on_resize))
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        for widget in (self._text, self._buttons, self._fold):
            column.pack_start(widget, False, False, 0)
        self.widget.pack_start(self._icon, False, False, 0)
        self.widget.pack_start(column, True, True, 0)
        for widget in (column, self._icon, self._text):
            widget.show()

    def add_button(self, text, action, tooltip):
        button = Gtk.Button(label=text, use_underline=True, tooltip_text=tooltip)
        button.connect("clicked", lambda _button: action())
        self._buttons.pack_start(button, False, False, 0)
        button.show()

    def show(self, text, kind=Gtk.MessageType.ERROR, details="", with_buttons=False):
        self._icon.set_from_icon_name(ICONS[kind], Gtk.IconSize.DIALOG)
        self._icon.get_accessible().set_name(NAMES[kind])
        self._style.load_from_data(FRAME.format(self._color_of(kind)).encode())
        what, stop, rest = text.partition(". ")  # what happened, then what it means and what to do
        what, rest = map(GLib.markup_escape_text, (what + stop, rest))
        self._text.set_markup(f"<b>{what}</b>{rest}")
        self._details.set_text(details)
        self._fold.set_expanded(False)
        self._fold.set_visible(bool(details))
        self._buttons.set_visible(with_buttons)
        self.widget.show()
        GLib.idle_add(self._on_resize)

    def hide(self):
        if self.widget.get_visible():
            self.widget.hide()
            GLib.idle_add(self._on_resize)

    def _color_of(self, kind):
        name, otherwise = COLORS[kind]
        found, color = self.widget.get_style_context().lookup_color(name)
        return color.to_string() if found else otherwise


class ChoiceList:
    """A list bound to a text option of `config`: rows of a value and its label, or typed text.

    The value "" is the default.
    """

    VALUE, LABEL, NOTE = range(3)

    def __init__(self, config, name, label, tooltip):
        self._rows, self._waiting = [], 0
        self.widget = Gtk.ComboBox(has_entry=True, hexpand=True)
        self.widget.set_model(Gtk.ListStore(str, str, str))
        self.widget.set_entry_text_column(self.VALUE)
        self.widget.clear()
        for column, align in ((self.LABEL, 0.0), (self.NOTE, 1.0)):
            cell = Gtk.CellRendererText(xalign=align)
            self.widget.pack_start(cell, column == self.LABEL)
            self.widget.add_attribute(cell, "text", column)
        self.entry = self.widget.get_child()
        for widget in (self.widget, self.entry):
            widget.set_tooltip_text(tooltip)
            widget.get_accessible().set_name(label)
        flags = GObject.BindingFlags.BIDIRECTIONAL | GObject.BindingFlags.SYNC_CREATE
        config.bind_property(name, self.entry, "text", flags)
        self.entry.connect("changed", self._rebuild_later)
        self.widget.connect("notify::popup-shown", self._rebuild_later)
        self.widget.connect("destroy", self._on_destroy)

    def offer(self, default, rows):
        """Show these rows of (value, label, note); `default`: label and note of ""."""
        self._rows = [("", *default), *rows]
        self.entry.set_placeholder_text(", ".join(filter(None, default)))
        self._rebuild_later()

    def _rebuild_later(self, *_):
        """Wait while GTK handles a choice or the list is open: rows must not change under the pointer."""
        if not self._waiting:
            self._waiting = GLib.idle_add(self._rebuild)

    def _rebuild(self):
        self._waiting = 0
        if self.widget.get_property("popup-shown"):
            return GLib.SOURCE_REMOVE
        chosen = self.entry.get_text()
        if [tuple(row) for row in self.widget.get_model()] != self._rows:
            store = Gtk.ListStore(str, str, str)
            for row in self._rows:
                store.append(row)
            self.widget.set_model(store)
        values = [row[self.VALUE] for row in self._rows]
        self.widget.set_active(values.index(chosen) if chosen in values else -1)
        return GLib.SOURCE_REMOVE

    def _on_destroy(self, _widget):
        if self._waiting:
            GLib.source_remove(self._waiting)


class FittingBox:
    """The content of a dialog, as tall as needed; it scrolls if it does not fit on the screen.

    So the dialog's own buttons stay visible. `box` holds the content.
    """

    def __init__(self, dialog, area):
        self._dialog = dialog
        self.box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=3)
        self._scrolled = Gtk.ScrolledWindow(
            hscrollbar_policy=Gtk.PolicyType.NEVER,
            overlay_scrolling=False,  # the user must see that there is more
        )
        self._scrolled.add(self.box)
        self._scrolled.get_child().set_shadow_type(Gtk.ShadowType.NONE)
        self.box.set_focus_vadjustment(self._scrolled.get_vadjustment())
        area.pack_start(self._scrolled, True, True, 0)
        self._scrolled.show_all()
        dialog.connect("map", self.fit)

    def fit(self, *_):
        """Adjust the height after something was shown, hidden, or changed."""
        dialog, scrolled = self._dialog, self._scrolled
        width = self.box.get_allocated_width()
        if width <= 1:  # it has no size yet
            width = self.box.get_preferred_width().natural_width
        content = self.box.get_preferred_height_for_width(width).natural_height
        others = dialog.get_preferred_height().minimum_height - scrolled.get_preferred_height().minimum_height
        room = max(100, _screen_height(dialog) - MARGIN - others)
        scrolled.set_min_content_height(min(content, room))
        dialog.resize(dialog.get_size().width, 1)
        return GLib.SOURCE_REMOVE

    def scroll_to(self, widget):
        """Scroll to a widget as soon as it has its position."""
        GLib.idle_add(self._scroll_to, widget, priority=GLib.PRIORITY_LOW)

    def _scroll_to(self, widget):
        placed = widget.translate_coordinates(self.box, 0, 0)
        if placed is not None:
            self._scrolled.get_vadjustment().clamp_page(placed[1], placed[1] + widget.get_allocated_height())
        return GLib.SOURCE_REMOVE


def _screen_height(window):
    """Return the height of the window's monitor without panels, in GTK's px."""
    display, shown = window.get_display(), window.get_window()
    if shown is not None:
        return display.get_monitor_at_window(shown).get_workarea().height
    return (display.get_primary_monitor() or display.get_monitor(0)).get_workarea().height


def ignore_wheel(widget):
    """Make the wheel scroll the window instead of changing the list or number under the pointer."""
    if isinstance(widget, (Gtk.ComboBox, Gtk.SpinButton, Gtk.Scale)):
        widget.connect(
            "scroll-event", lambda ignoring, _event: ignoring.stop_emission_by_name("scroll-event")
        )
    if isinstance(widget, Gtk.Container):
        widget.forall(ignore_wheel)


def form(*rows):
    """Make a grid of rows: a label's text, the widget its mnemonic activates, and the widget to show.

    The latter is the same widget or contains it. A label is disabled while its widget is.
    """
    grid = Gtk.Grid(row_spacing=6, column_spacing=6, border_width=12)
    for row, (text, widget, shown) in enumerate(rows):
        named = mnemonic(text, widget)
        widget.bind_property("sensitive", named, "sensitive", GObject.BindingFlags.SYNC_CREATE)
        grid.attach(named, 0, row, 1, 1)
        shown.set_hexpand(True)
        grid.attach(shown, 1, row, 1, 1)
    return grid


def mnemonic(text, widget):
    """Make a label whose mnemonic activates `widget`."""
    made = Gtk.Label(label=text, use_underline=True, xalign=0.0)
    made.set_mnemonic_widget(widget)
    made.show()
    return made


def process_events():
    """Let windows react during a wait."""
    while Gtk.events_pending():
        Gtk.main_iteration_do(False)


def label(selectable=False, margin=12):
    """Make a paragraph of text."""
    return Gtk.Label(xalign=0.0, wrap=True, max_width_chars=64, selectable=selectable, margin=margin)


def make_prompt(config, on_send):
    """Make a scrolled text view for the prompt; Ctrl+Enter sends, Tab moves to the next widget."""
    view = Gtk.TextView(
        buffer=GimpUi.prop_text_buffer_new(config, "prompt", -1),
        wrap_mode=Gtk.WrapMode.WORD_CHAR,
        accepts_tab=False,
        tooltip_text=config.find_property("prompt").get_blurb(),
        left_margin=3,
        right_margin=3,
        top_margin=3,
        bottom_margin=3,
    )
    width, height = PROMPT_SIZE
    scrolled = Gtk.ScrolledWindow(
        shadow_type=Gtk.ShadowType.IN,
        hscrollbar_policy=Gtk.PolicyType.NEVER,
        min_content_width=width,
        min_content_height=height,
        max_content_height=height,
    )
    scrolled.add(view)
    scrolled.show_all()

    def on_key(_view, event):
        enter = event.keyval in (Gdk.KEY_Return, Gdk.KEY_KP_Enter)
        if enter and event.state & Gdk.ModifierType.CONTROL_MASK:
            on_send()
            return True
        return False

    view.connect("key-press-event", on_key)
    view.get_accessible().set_name("Prompt")
    return scrolled
