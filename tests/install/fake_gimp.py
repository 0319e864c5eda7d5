"""A stand-in for GIMP: answers --version, makes its profile, and runs a batch script against a tiny PDB.

As GIMP 2.10 it reads just enough of Script-Fu. FAKE_GIMP=broken lists no procedures; FAKE_GIMP=no-python is a
GIMP 2.10 without Python; FAKE_GIMP=hang never ends, after touching FAKE_GIMP_TOUCH.
"""

import os
import re
import sys
import time
import types
from pathlib import Path

VERSION = "3.0.4"

if "--version" in sys.argv:
    print(f"GNU Image Manipulation Program version {VERSION}")
    sys.exit()

script = sys.stdin.read()
old = VERSION.startswith("2.")
mode = os.environ.get("FAKE_GIMP", "")
python = not old or mode != "no-python"
config = Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config"))
variable = "GIMP2_DIRECTORY" if old else "GIMP3_DIRECTORY"
profile = Path(os.environ.get(variable, config / "GIMP" / VERSION.rpartition(".")[0]))
if not profile.is_dir():
    (profile / "plug-ins").mkdir(parents=True)
    (profile / "gimprc").touch()
name = "venice_gimp2" if old else "venice_gimp3"
main = profile / "plug-ins" / name / f"{name}.py"


class Gimp:
    @classmethod
    def get_pdb(cls):
        return cls

    @staticmethod
    def procedure_exists(_name):
        return python and os.access(main, os.X_OK) and mode != "broken"


def run_script_fu():
    for names in re.findall(r"\(define names \(list (.*)\)\)", script):
        for name in re.findall(r'"([\w-]+)"', names):
            print("listed", name, Gimp.procedure_exists(name))
    pictures = re.findall(r'"(/[^"]+\.(?:png|xcf))"', script)
    if pictures and Gimp.procedure_exists("python-fu-venice-edit"):
        for picture in pictures:
            Path(picture).touch()
        print("demo done")
    if "(gimp-quit 0)" not in script:
        time.sleep(60)  # so does the real one


if mode == "hang" and script:
    Path(os.environ["FAKE_GIMP_TOUCH"]).touch()
    time.sleep(60)  # longer than any test waits; whoever started it may have been killed
if old:
    sys.modules["gimpfu"] = types.ModuleType("gimpfu")
    probe = profile / "plug-ins" / "probe" / "probe.py"
    if python and probe.exists():
        exec(probe.read_text())
    run_script_fu()
else:
    sys.modules["gi"] = types.ModuleType("gi")
    sys.modules["gi.repository"] = types.ModuleType("gi.repository")
    sys.modules["gi.repository"].Gimp = Gimp
    exec(script, {})
