"""A window that says what a task does and how to use it."""

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk
from widgets import FittingBox, label

ABOUT = {
    "edit": (
        "Edit with Prompt",
        "Select the area to change, describe the change in a few words (“remove the tree”), check what will "
        "be sent and what it costs, and press Send. The result is a new layer above yours, exactly in place, "
        "with a layer mask made from the selection. Your own layer is not changed.",
        "With no selection, the whole layer is sent.",
        "If you select several layers, the lowest is edited, and the model sees the others as reference "
        "images.",
        "By default, the selection is also sent as a mask. If a model paints the mask into the image, set "
        "“Selection” to “Limit result only”.",
        "Paint on the result's layer mask to show more or less of the result; the layer covers the whole "
        "region that was sent.",
        "To continue from a result, set “Sample layers” to “All visible layers”.",
    ),
    "cutout": (
        "Remove Background",
        "Cuts out the layer's subject, either as a new layer with your own pixels at full resolution or as a "
        "copy of the layer with a layer mask you can paint on. Your own layer is hidden but not changed.",
        "With a selection, the cutout is limited to the selected area, and your own layer stays visible.",
        "Defringe removes the old background's color from semi-transparent edges.",
    ),
    "generate": (
        "Generate Layer",
        "Generates a new layer from a description. It covers the selection, or the whole canvas if nothing "
        "is selected, and is never stretched.",
        "The same seed gives similar results; -1 picks a random seed each time.",
        "In GIMP 3.0, plug-ins are unavailable for an image without layers; add an empty layer first.",
    ),
    "upscale": (
        "Upscale Layer",
        "Enlarges the layer two or four times in each direction, as a new image. The selection is ignored.",
        "Creativity 0 adds nothing new. Higher values let the service invent texture.",
    ),
}
ALWAYS = (
    "Your image leaves your computer only when you press Send, and the price is shown first. A request that "
    "costs money is never sent twice. To set the provider, API key, and daily limit, use Filters > Venice > "
    "Settings.",
)


def show_help(parent, action):
    """Open the help window and return it; `parent` stays usable."""
    title, first, *points = ABOUT[action]
    dialog = Gtk.Dialog(title=f"Help: {title}", transient_for=parent, destroy_with_parent=True)
    dialog.add_button("_Close", Gtk.ResponseType.CLOSE)
    dialog.connect("response", lambda shown, _response: shown.destroy())
    area = dialog.get_content_area()
    area.set_border_width(12)
    box = FittingBox(dialog, area).box
    for text in (first, *(f"•  {point}" for point in points), *ALWAYS):
        paragraph = label(selectable=True, margin=6)
        paragraph.set_text(text)
        paragraph.set_width_chars(64)
        box.pack_start(paragraph, False, False, 0)
    dialog.show_all()
    dialog.get_widget_for_response(Gtk.ResponseType.CLOSE).grab_focus()
    return dialog
