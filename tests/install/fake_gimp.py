"""A stand-in for GIMP: answers --version, makes its profile, and runs a batch script against a tiny PDB.

FAKE_GIMP=broken lists no procedures; FAKE_GIMP=hang never ends, after touching FAKE_GIMP_TOUCH.
"""

import os
import sys
import time
from pathlib import Path

VERSION = "3.0.4"

if "--version" in sys.argv:
    print(f"GNU Image Manipulation Program version {VERSION}")
    sys.exit()

script = sys.stdin.read()
config = Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config"))
profile = Path(os.environ.get("GIMP3_DIRECTORY", config / "GIMP" / VERSION.rpartition(".")[0]))
if not profile.is_dir():
    (profile / "plug-ins").mkdir(parents=True)
    (profile / "gimprc").touch()
main = profile / "plug-ins" / "venice_gimp3" / "venice_gimp3.py"
mode = os.environ.get("FAKE_GIMP", "")


class Gimp:
    @classmethod
    def get_pdb(cls):
        return cls

    @staticmethod
    def procedure_exists(_name):
        return os.access(main, os.X_OK) and mode != "broken"


if mode == "hang" and script:
    Path(os.environ["FAKE_GIMP_TOUCH"]).touch()
    time.sleep(60)  # longer than any test waits; whoever started it may have been killed
exec(script, {"Gimp": Gimp})
