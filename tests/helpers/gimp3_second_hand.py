#!/usr/bin/env python3
"""A plug-in for the tests' GIMP: does what tests ask while another procedure runs."""

import os
import sys

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp

NAME = "test-second-hand"


class SecondHand(Gimp.PlugIn):
    """GIMP starts it with itself, since its procedure is persistent and takes no arguments."""

    def do_set_i18n(self, _name):
        return False

    def do_query_procedures(self):
        return [NAME]

    def do_create_procedure(self, name):
        return Gimp.Procedure.new(self, name, Gimp.PDBProcType.PERSISTENT, serve, None)


def serve(procedure, _config, _data):
    import gimp3_inside

    procedure.persistent_ready()
    gimp3_inside.serve(os.environ["TEST_SECOND_HAND"])
    return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)


if __name__ == "__main__":
    sys.path.insert(0, os.environ["TEST_MODULES"])
    Gimp.main(SecondHand.__gtype__, sys.argv)
