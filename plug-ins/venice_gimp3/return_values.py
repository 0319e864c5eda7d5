"""What a procedure returns: its new layers or an error."""

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, GLib
from host import preserve_selection


def values_with_layers(image, layers):
    """Make return values that hold `layers`.

    PyGObject cannot put an array of objects into a value, so GIMP does it: the layers are selected during
    one call whose own return values have this form. It returns them in the reverse order of selection.
    """
    with preserve_selection(image):
        image.set_selected_layers(layers[::-1])
        procedure = Gimp.get_pdb().lookup_procedure("gimp-image-get-selected-layers")
        config = procedure.create_config()
        config.set_property("image", image)
        return procedure.run(config)


def failure(procedure, message):
    """Make return values that hold an error message."""
    error = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), message, 0)
    return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, error)
