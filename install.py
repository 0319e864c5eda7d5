#!/usr/bin/env python3
"""Install Venice for GIMP: for you alone (never with sudo), for every GIMP 3 and 2.10 on this computer.

  python3 install.py              install, upgrade or repair
  python3 install.py --demo       install, then try an edit and a cut-out on a photograph; needs no key
  python3 install.py --doctor     look at everything that has to work, and say what to do where it does not
  python3 install.py --dry-run    say what would be done; write nothing
  python3 install.py --uninstall  take away what was installed, and nothing else

What it writes:

  ~/.local/share/venice-gimp/worker-*                  the plug-in's own Python environment
  ~/.local/share/venice-gimp/install.json              the list of everything that was written
  ~/.config/GIMP/3.x/plug-ins/venice_gimp3/            the plug-in, for each GIMP 3
  ~/.config/GIMP/2.10/plug-ins/venice_gimp2/           the plug-in, for GIMP 2.10 where that has Python

XDG_DATA_HOME and XDG_CONFIG_HOME are honoured. With GIMP3_DIRECTORY or GIMP2_DIRECTORY set, only the
profiles that they name get the plug-in. Libraries come through pip, with your pip settings, exactly as
listed in requirements.lock.
All or nothing: when a step fails, or you press Ctrl-C, what was there before is put back. A folder that
this installer did not make is never touched.

Needs Linux and Python 3.10 or newer with its venv module; nothing else has to be installed first.
"""

# Kept readable for Python 2 and 3.6, so that they get the sentence below and not a syntax error:
# no f-strings, annotations, [*unpacking] or "raise ... from". It is longer than other files here and
# still one file, so that everything it does to a computer can be read in one place.
# ruff: noqa: RUF005
from __future__ import print_function

import sys

if sys.version_info < (3, 10):
    sys.exit("Venice for GIMP needs Python 3.10 or newer; this is Python %d.%d." % sys.version_info[:2])
if not sys.platform.startswith("linux"):
    sys.exit("Venice for GIMP knows Linux only, so far.")

import argparse
import collections
import contextlib
import fcntl
import glob
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
LOCK = os.path.join(HERE, "requirements.lock")
STAGING = ".venice-gimp-install"  # beside plug-ins, not in it: GIMP must never see half a plug-in
COMPLETE = "venice-complete.json"  # written last into an environment
NO_GIMP = (
    "No GIMP 3 was found on this computer, nor a GIMP 2.10 with Python"
    " (looked for gimp and gimp-console in PATH)."
)
NO_PYTHON = (
    "%s was built without Python for plug-ins, as most GIMP 2.10 in Linux are, so it cannot run this one."
    " GIMP 3.0.4 or newer can."
)

# A kind of GIMP: the plug-in's folder and main file, the series, the variable that names a profile, some
# procedures, how to run a batch script from standard input, what has to end it, and how it asks for one.
Kind = collections.namedtuple("Kind", "name series variable procedures batch end ask")
GIMP3 = Kind(
    name="venice_gimp3",
    series=r"3\.\d+",
    variable="GIMP3_DIRECTORY",
    procedures=("plug-in-venice-edit", "plug-in-venice-remove-background", "plug-in-venice-settings"),
    batch=["--batch-interpreter", "python-fu-eval", "-b", "-", "--quit"],
    end="",
    ask="print('listed %(name)s', Gimp.get_pdb().procedure_exists('%(name)s'))\n",
)
GIMP2 = Kind(
    name="venice_gimp2",
    series=r"2\.10",
    variable="GIMP2_DIRECTORY",
    procedures=("python-fu-venice-edit", "python-fu-venice-remove-background", "python-fu-venice-generate"),
    batch=["-b", "-"],
    end="(gimp-quit 0)\n",  # in the script: after its end GIMP 2.10 would wait for ever
    ask='(display (string-append "listed %(name)s "'
    ' (if (= (car (gimp-procedural-db-proc-exists "%(name)s")) TRUE) "True" "False")))\n',
)
KINDS = (GIMP3, GIMP2)

# A GIMP in PATH; and a profile folder with the GIMPs that use it.
Gimp = collections.namedtuple("Gimp", "kind program version")
Profile = collections.namedtuple("Profile", "kind folder gimps")


class InstallError(Exception):
    """It cannot go on; the text says why and what helps."""


def say(text):
    print(text, flush=True)


def environment(**more):
    """Your environment, without what an active virtual environment or a bundled Python put into it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "__PYVENV"))}
    own = os.path.join(env.pop("VIRTUAL_ENV", os.devnull), "bin")
    folders = env.get("PATH", os.defpath).split(os.pathsep)
    return dict(env, PATH=os.pathsep.join(folder for folder in folders if folder != own), **more)


def run(command, script="", timeout=None, **more):
    """Run to the end or to `timeout` seconds, then end all it started. Returns status and output."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output:
        given.write(script.encode("utf-8"))
        given.seek(0)
        files = {"stdin": given, "stdout": output, "stderr": subprocess.STDOUT}
        process = subprocess.Popen(command, env=environment(**more), start_new_session=True, **files)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    return status, text if status is not None else "%s\nNo end after %d s." % (text, timeout)


def last_lines(text):
    return "\n".join("    " + line for line in text.strip().splitlines()[-12:])


def read_json(path):
    """The object in a JSON file, or {} when there is none that can be read."""
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path, value):
    """In one step: a reader sees the old or the new text, never a part."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


def remove_if_empty(folder):
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def remove_tree(folder):
    if not os.path.islink(folder):
        shutil.rmtree(folder, ignore_errors=True)


def xdg(variable, *default):
    """A base folder by the XDG rules: a relative path counts as unset."""
    value = os.environ.get(variable, "")
    return value if os.path.isabs(value) else os.path.join(os.path.expanduser("~"), *default)


def data_folder():
    return os.path.join(xdg("XDG_DATA_HOME", ".local", "share"), "venice-gimp")


def manifest_path():
    return os.path.join(data_folder(), "install.json")


def read_manifest():
    """The list of what was written; whatever it says, only a worker's environment in our own folder is
    ever removed as a whole."""
    empty = {"version": "", "environments": [], "plug_ins": {}, "folders": [], "staging": {}}
    manifest = dict(empty, **read_json(manifest_path()))
    ours = re.compile(re.escape(os.path.join(data_folder(), "worker-")) + r"[\w.+-]+")
    manifest["environments"] = [path for path in manifest["environments"] if ours.fullmatch(path)]
    return dict(manifest, manifest=1)


def restore_manifest(manifest):
    if manifest:
        write_json(manifest_path(), manifest)
    elif os.path.exists(manifest_path()):
        os.remove(manifest_path())


def version():
    with open(os.path.join(HERE, "venice_core", "version.py"), encoding="utf-8") as file:
        return re.search(r'VERSION = "([^"]+)"', file.read()).group(1)


def find_gimps(kind):
    """By series, e.g. {"3.0": Gimp(GIMP3, "/usr/bin/gimp-console-3.0", "3.0.4")}."""
    named = re.compile(r"gimp(-console)?(-[\d.]+)?")
    folders = [folder for folder in environment()["PATH"].split(os.pathsep) if os.path.isabs(folder)]
    programs = [path for folder in folders for path in glob.glob(os.path.join(glob.escape(folder), "gimp*"))]
    found = {}
    # A stable sort: the console programs first, else in the order of PATH.
    for program in sorted(programs, key=lambda path: "-console" not in os.path.basename(path)):
        if named.fullmatch(os.path.basename(program)) and os.access(program, os.X_OK):
            status, output = run([program, "--version"], timeout=60, LC_ALL="C.UTF-8")
            number = re.search(r"\b(%s)\.\d+\S*" % kind.series, output)
            if status == 0 and number:
                found.setdefault(number.group(1), Gimp(kind, program, number.group(0)))
    return found


def find_profiles():
    """The profile of each GIMP, and profiles whose GIMP is not in PATH; or only those that are named."""
    named = [kind for kind in KINDS if os.environ.get(kind.variable)]
    for kind in named:
        if not os.path.isabs(os.environ[kind.variable]):
            text = "%s has to be an absolute path; it is %s."
            raise InstallError(text % (kind.variable, os.environ[kind.variable]))
    if named:
        say("Only for the profile in %s." % " and in ".join(kind.variable for kind in named))
        return [Profile(kind, os.environ[kind.variable], sorted(find_gimps(kind).values())) for kind in named]
    return [profile for kind in KINDS for profile in usual_profiles(kind)]


def usual_profiles(kind):
    gimps = find_gimps(kind)
    config = os.path.join(xdg("XDG_CONFIG_HOME", ".config"), "GIMP")
    there = map(os.path.basename, glob.glob(os.path.join(glob.escape(config), "*")))
    series = {name for name in there if re.fullmatch(kind.series, name)}.union(gimps)
    return [
        Profile(kind, os.path.join(config, name), [gimps[name]] if name in gimps else [])
        for name in sorted(series)
    ]


def gimp_batch(gimp, script, timeout=180, **more):
    """Run a script in GIMP, without a window, in the profile that you use."""
    return run([gimp.program, "-i", "-d", "-f"] + gimp.kind.batch, script + gimp.kind.end, timeout, **more)


def missing_procedures(gimp):
    """The procedures that GIMP does not list, and what it printed."""
    names = gimp.kind.procedures
    _, output = gimp_batch(gimp, "".join(gimp.kind.ask % {"name": name} for name in names))
    return [name for name in names if "listed %s True" % name not in output], output


PROBE = """#!/usr/bin/env python
import gimpfu
print("Python " + "works")
"""


def lacks_python(gimp):
    """Whether this is a GIMP 2.10 that does not run a plug-in in Python. Asked in a throw-away profile."""
    if gimp.kind is not GIMP2:
        return False
    with tempfile.TemporaryDirectory() as profile:
        probe = os.path.join(profile, "plug-ins", "probe", "probe.py")
        os.makedirs(os.path.dirname(probe))
        with open(probe, "w", encoding="utf-8") as file:
            file.write(PROBE)
        os.chmod(probe, 0o755)  # noqa: S103 - GIMP runs it
        folders = (GIMP2.variable, "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
        status, output = gimp_batch(gimp, "", **dict.fromkeys(folders, profile))
        could_run = status == 0 and os.access(probe, os.X_OK)
    return could_run and "Python works" not in output


def by_python(profiles):
    """The profiles that can get the plug-in, and those whose GIMP has no Python to run it."""
    unable = [profile for profile in profiles if any(map(lacks_python, profile.gimps))]
    return [profile for profile in profiles if profile not in unable], unable


def core_files():
    """Each file of the core, and its name within site-packages."""
    for folder, folders, names in os.walk(os.path.join(HERE, "venice_core")):
        folders[:] = sorted(set(folders) - {"__pycache__"})
        for name in sorted(names):
            path = os.path.join(folder, name)
            yield path, os.path.relpath(path, HERE)


def plug_in_files(name):
    plug_ins = glob.escape(os.path.join(HERE, "plug-ins"))
    own, shared = (glob.glob(os.path.join(plug_ins, folder, "*.py")) for folder in (name, "shared"))
    return sorted(own) + sorted(shared)


def plug_in_folder(profile):
    return os.path.join(profile.folder, "plug-ins", profile.kind.name)


def refuse_foreign(folder, manifest):
    """Only a real folder that a manifest calls ours may be replaced."""
    known = read_json(os.path.join(folder, "worker.json")).get("manifest") == 1
    ours = os.path.isdir(folder) and not os.path.islink(folder) and (known or folder in manifest["plug_ins"])
    if os.path.lexists(folder) and not ours:
        raise InstallError("%s was not made by this installer. Move it away, then run this again." % folder)


def python_of(env):
    return os.path.join(env, "bin", "python")


def in_worker(env, code):
    """Run Python code in a worker's environment, leaving no trace there. Returns status and output."""
    return run([python_of(env), "-I", "-B", "-c", code], timeout=120)


def worker_works(env):
    complete = os.path.isfile(os.path.join(env, COMPLETE)) and os.access(python_of(env), os.X_OK)
    return complete and in_worker(env, "import venice_core.worker.server")[0] == 0


def environment_of(folder):
    """The environment that an installed plug-in starts its worker from, or ""."""
    command = read_json(os.path.join(folder, "worker.json")).get("command") or [""]
    return os.path.dirname(os.path.dirname(command[0]))


ASK_SETTINGS = """
import json, os
from venice_core.storage.folders import Folders
from venice_core.storage.keys import KeyStore
from venice_core.storage.settings import Settings, provider_name
folders = Folders.of(os.environ)
provider = provider_name("", os.environ, Settings(folders.settings))
_, key = KeyStore(folders.settings, os.environ).find(provider)
kept = [str(folder) for folder in (folders.settings, folders.jobs) if folder.exists()]
print(json.dumps({"provider": provider, "key": key, "kept": kept}))
"""


def ask_settings(manifest):
    """The provider, where its key is from (never the key), and the folders with settings and results."""
    for env in filter(worker_works, manifest["environments"]):
        status, output = in_worker(env, ASK_SETTINGS)
        if status == 0:
            return json.loads(output.splitlines()[-1])
    return {}


def stamp():
    """Another one when the lock, the core or the Python is another."""
    digest = hashlib.sha256(repr((sys.version_info[:2], os.path.realpath(sys.executable))).encode())
    for path, name in [(LOCK, "lock")] + list(core_files()):
        with open(path, "rb") as file:
            digest.update(name.encode() + b"\0" + hashlib.sha256(file.read()).digest())
    return digest.hexdigest()[:12]


def choose_environment():
    """The environment's folder, and whether a good one is there already. A broken one is passed by."""
    first = env = os.path.join(data_folder(), "worker-%s-%s" % (version(), stamp()))
    number = 1
    while os.path.lexists(env):
        if not os.path.islink(env) and worker_works(env):
            return env, True
        number += 1
        env = "%s-%d" % (first, number)
    return env, False


def no_venv(output=""):
    """The sentence for a Python without a working venv module, which Debian keeps in its own package."""
    package = re.search(r"apt(?:-get)? install (\S+)", output)
    text = "Python's venv module is missing or broken. Install it, then run this again"
    if package or os.path.exists("/etc/debian_version"):
        name = package.group(1) if package else "python%d.%d-venv" % sys.version_info[:2]
        return "%s:\n\n    sudo apt install %s" % (text, name)
    return "%s.\n%s" % (text, last_lines(output))


def make_venv(env, lock):
    """A virtual environment with exactly what the lock file lists."""
    status, output = run([sys.executable, "-I", "-m", "venv", env], timeout=600)
    if status != 0:
        raise InstallError(no_venv(output))
    # --no-user: a "user = true" in the settings of pip makes no sense here and would stop it.
    options = ["--no-user", "--only-binary", ":all:", "--require-hashes", "-r", lock]
    pip = [python_of(env), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    status, output = run(pip + options)
    if status != 0:
        handle, log = tempfile.mkstemp(prefix="venice-gimp-pip-", suffix=".log")
        with open(handle, "w", encoding="utf-8") as file:
            file.write(output)
        raise InstallError("pip could not install the libraries:\n%s\nMore: %s" % (last_lines(output), log))


def make_environment(env):
    make_venv(env, LOCK)
    _, site = in_worker(env, "import sysconfig; print(sysconfig.get_path('purelib'))")
    for source, name in core_files():
        target = os.path.join(site.strip(), name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(source, target)
    status, output = in_worker(env, "import venice_core.worker.server")
    if status != 0:
        raise InstallError("The worker does not start:\n%s" % last_lines(output))
    write_json(os.path.join(env, COMPLETE), {"version": version()})


def make_folder(path, manifest, undo):
    """Make a folder and its parents; each new one goes into the manifest, and away again on failure."""
    if not os.path.isdir(path):
        make_folder(os.path.dirname(path), manifest, undo)
        undo.callback(remove_if_empty, path)
        os.mkdir(path)
        manifest["folders"].append(path)


def put_back(staging, folder):
    """The plug-in that was moved aside returns to its place."""
    old = os.path.join(staging, "old")
    if os.path.isdir(old):
        if os.path.isdir(folder):
            os.rename(folder, os.path.join(staging, "new"))
        os.rename(old, folder)
    remove_tree(staging)


def finish_killed_run(manifest):
    for staging, folder in manifest["staging"].items():
        if os.path.basename(staging) == STAGING and os.path.isdir(staging):
            put_back(staging, folder)


def with_compiled(names):
    """Files of a plug-in, and what Python 2 makes of them beside them."""
    return {each for name in names for each in (name, re.sub(r"\.py$", ".pyc", name))}


def place_plug_in(folder, staging, command, known, undo):
    """Put the new plug-in together beside `plug-ins`, then let it change places with the old one, of
    which `known` are our files. Returns the names of the new files."""
    new, plug_in = os.path.join(staging, "new"), os.path.basename(folder)
    os.mkdir(staging)
    undo.callback(put_back, staging, folder)
    os.mkdir(new)
    for source in plug_in_files(plug_in):  # without their times: GIMP reads a plug-in again when it is newer
        shutil.copyfile(source, os.path.join(new, os.path.basename(source)))
    os.chmod(os.path.join(new, plug_in + ".py"), 0o755)  # noqa: S103 - GIMP runs it
    write_json(os.path.join(new, "worker.json"), {"manifest": 1, "version": version(), "command": command})
    files = sorted(os.listdir(new))
    if os.path.isdir(folder):
        ours = with_compiled(files + known).union(["__pycache__"])
        for name in set(os.listdir(folder)) - ours:
            if os.path.isfile(os.path.join(folder, name)):  # somebody else put it there: it stays
                shutil.copy2(os.path.join(folder, name), os.path.join(new, name))
        os.rename(folder, os.path.join(staging, "old"))
    else:
        undo.callback(remove_tree, folder)
    os.rename(new, folder)
    return files


def first_start(profile):
    """Let GIMP make its profile. It takes over an older GIMP's settings only when there is no folder yet."""
    if profile.gimps and not os.path.isdir(profile.folder):
        say("Starting GIMP %s once, to let it make its profile..." % profile.gimps[0].version)
        gimp_batch(profile.gimps[0], "")


def check(profile):
    for gimp in profile.gimps:
        missing, output = missing_procedures(gimp)
        if missing:
            text = "GIMP %s does not list %s. What it said:\n%s"
            raise InstallError(text % (gimp.version, ", ".join(missing), last_lines(output)))
        say("GIMP %s has the plug-in: Filters > Venice." % gimp.version)


def only_one(undo):
    """Hold the lock of our folder to the end of this program."""
    lock = os.open(data_folder(), os.O_RDONLY)
    undo.callback(os.close, lock)
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    raise InstallError("Another install is running. Wait for it to end, then run this again.")


def install(profiles, unable, dry_run):
    """Returns the folder of the worker's environment. What was in the `unable` profiles is taken away."""
    before = read_manifest()
    staging = {}
    for folder in map(plug_in_folder, profiles):
        refuse_foreign(folder, before)
        plug_ins = os.path.realpath(os.path.dirname(folder))  # it may be a link to another disk
        staging[os.path.join(os.path.dirname(plug_ins), STAGING)] = folder
    env, good = choose_environment()
    if dry_run:
        say("Would %s the worker's environment: %s" % ("keep" if good else "make", env))
        for folder in staging.values():
            say("Would %s the plug-in: %s" % ("replace" if os.path.isdir(folder) else "add", folder))
        remove_from(unable, before, dry_run)
        return env

    with contextlib.ExitStack() as undo:
        try:
            make_folder(data_folder(), before, undo)
            only_one(undo)
            finish_killed_run(before)
            undo.callback(restore_manifest, read_json(manifest_path()))
            # The list comes first, with old and new: even a run that is killed leaves nothing unlisted.
            after = dict(before, version=version(), environments=sorted({env}.union(before["environments"])))
            for folder in staging.values():
                ours = {os.path.basename(path) for path in plug_in_files(os.path.basename(folder))}
                ours = ours.union(["worker.json"], before["plug_ins"].get(folder, []))
                after["plug_ins"] = dict(after["plug_ins"], **{folder: sorted(ours)})
            write_json(manifest_path(), dict(after, staging=staging))
            if good:
                say("The worker's environment is up to date.")
            else:
                say("Making the worker's environment (some 100 MB of libraries; a minute or two)...")
                undo.callback(remove_tree, env)
                make_environment(env)
            command = [python_of(env), "-I", "-m", "venice_core", "worker"]
            for profile in profiles:
                first_start(profile)
                make_folder(os.path.join(profile.folder, "plug-ins"), after, undo)
            for place, folder in staging.items():
                known = before["plug_ins"].get(folder, [])
                after["plug_ins"][folder] = place_plug_in(folder, place, command, known, undo)
            for profile in profiles:
                check(profile)
            write_json(manifest_path(), dict(after, staging={}))
        except BaseException:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # putting things back is not to be interrupted
            say("Putting back what was there before.")
            raise
        undo.pop_all()
    for place in staging:
        remove_tree(place)
    remove_from(unable, after, dry_run)
    after["plug_ins"] = {path: names for path, names in after["plug_ins"].items() if os.path.isdir(path)}
    used = {env}.union(map(environment_of, after["plug_ins"]))
    for unused in set(after["environments"]) - used:
        remove_tree(unused)
    after["environments"] = [path for path in after["environments"] if path in used]
    write_json(manifest_path(), dict(after, staging={}))
    return env


def uninstall(dry_run):
    manifest = read_manifest()
    if not manifest["version"]:
        say("Nothing to remove: there is no %s." % manifest_path())
        return
    kept = ask_settings(manifest).get("kept", [])
    verb = "Would remove" if dry_run else "Removing"
    if not dry_run:
        finish_killed_run(manifest)
    for folder, files in sorted(manifest["plug_ins"].items()):
        remove_plug_in(folder, files, dry_run)
        if not dry_run:
            remove_drafts(folder)
    for env in manifest["environments"]:
        say("%s the worker's environment: %s" % (verb, env))
        if not dry_run:
            remove_tree(env)
    if not dry_run:
        os.remove(manifest_path())
        for folder in reversed(manifest["folders"]):
            remove_if_empty(folder)
    for folder in kept:
        say("Your settings and results stay: %s" % folder)
    say("Nothing was changed." if dry_run else "Venice for GIMP is removed. Restart GIMP if it is open.")


def remove_from(profiles, manifest, dry_run):
    for folder in set(map(plug_in_folder, profiles)).intersection(manifest["plug_ins"]):
        remove_plug_in(folder, manifest["plug_ins"][folder], dry_run)


def remove_plug_in(folder, files, dry_run):
    ours = os.path.basename(folder) in [kind.name for kind in KINDS]
    if not ours or os.path.islink(folder) or not os.path.isdir(folder):
        return
    say("%s the plug-in: %s" % ("Would remove" if dry_run else "Removing", folder))
    if dry_run:
        return
    remove_tree(os.path.join(folder, "__pycache__"))
    for name in with_compiled(map(os.path.basename, files)):
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, name))
    remove_if_empty(folder)
    if os.path.isdir(folder):
        say("  left there, because it is not ours: %s" % ", ".join(sorted(os.listdir(folder))))


def remove_drafts(folder):
    """What was entered in its windows and not sent: GIMP does not know of these files."""
    profile = os.path.dirname(os.path.dirname(folder))
    drafts = glob.glob(os.path.join(glob.escape(profile), "plug-in-settings", "*-plug-in-venice-*.draft*"))
    for path in drafts:
        with contextlib.suppress(OSError):
            os.remove(path)


def doctor():
    """Print a line for everything that has to work. True when all of it does."""
    failed = []

    def row(good, what, found, help_text=""):
        word = {True: "ok", None: "-", False: "FAIL"}[good]
        say("%-5s %-12s %s" % (word, what, found))
        if help_text and not good:
            say("%-18s -> %s" % ("", help_text))
        if good is False:
            failed.append(what)

    again = "run: python3 install.py"
    row(True, "Python", "%d.%d.%d, %s" % (sys.version_info[:3] + (sys.executable,)))
    venv = run([sys.executable, "-I", "-c", "import venv, ensurepip"])[0] == 0
    row(venv, "venv", "there" if venv else "missing", " ".join(no_venv().split()))
    manifest = read_manifest()
    row(bool(manifest["version"]), "Installed", manifest["version"] or "no", again)
    profiles, unable = by_python(find_profiles())
    for gimp in [gimp for profile in unable for gimp in profile.gimps]:
        row(None, "GIMP %s" % gimp.version, NO_PYTHON % gimp.program)
    if not any(profile.gimps for profile in profiles):
        row(False, "GIMP", NO_GIMP, "install GIMP 3.0.4 or newer")
    for profile in profiles:
        folder = plug_in_folder(profile)
        there = read_json(os.path.join(folder, "worker.json")).get("version", "none")
        row(there == version(), "Plug-in", "%s in %s" % (there, folder), again)
        works = worker_works(environment_of(folder))
        env = environment_of(folder)
        answers = "%s %s" % (python_of(env), "answers" if works else "does not answer") if env else "none"
        row(works, "Worker", answers, again)
        for gimp in profile.gimps:
            missing = missing_procedures(gimp)[0] if there != "none" else gimp.kind.procedures
            text = "does not list " + ", ".join(missing) if missing else "lists the plug-in"
            row(not missing, "GIMP %s" % gimp.version, "%s %s" % (gimp.program, text), again)
    settings = ask_settings(manifest)
    if settings:
        row(True, "Provider", settings["provider"])
        if settings["provider"] != "sandbox":
            key = settings["key"]
            help_text = "in GIMP: Filters > Venice > Settings... (GIMP 2.10 asks for it before it sends)"
            row(True if key else None, "Key", "from the %s" % key if key else "none yet", help_text)
    return not failed


PHOTO = os.path.join(HERE, "docs", "images", "demo.jpg")
ELLIPSE = (70, 10, 415, 385)  # the cup: x, y, width, height in px of the photograph
PROMPT = "make it pink"  # the color that the sandbox gives to everything

DEMO_IN_GIMP3 = """
import json
from gi.repository import Gegl, Gio
Gegl.init(None)
demo = json.loads(%(json)r)
quiet = Gimp.RunMode.NONINTERACTIVE

def call(name, drawable, **arguments):
    procedure = Gimp.get_pdb().lookup_procedure(name)
    config = procedure.create_config()
    config.set_property("run-mode", quiet)
    config.set_property("image", image)
    config.set_core_object_array("drawables", [drawable])
    for key, value in arguments.items():
        config.set_property(key, value)
    result = procedure.run(config)
    if result.index(0) != Gimp.PDBStatusType.SUCCESS:
        raise RuntimeError(Gimp.get_pdb().get_last_error())
    return result.get_core_object_array(1)

def save(name):
    Gimp.file_save(quiet, image, Gio.File.new_for_path(demo[name]), None)

image = Gimp.file_load(quiet, Gio.File.new_for_path(demo["before"]))
photo = image.get_layers()[0]
image.select_ellipse(Gimp.ChannelOps.REPLACE, *demo["ellipse"])
Gimp.Selection.feather(image, 12)
edited = call("plug-in-venice-edit", photo, prompt=demo["prompt"])
save("after")
Gimp.Selection.none(image)
cutout = call("plug-in-venice-remove-background", photo)
for layer in [photo] + edited:
    layer.set_visible(False)
save("cutout")
for layer in [photo] + edited:
    layer.set_visible(True)
for layer in cutout:
    layer.set_visible(False)
save("layers")
print("demo", "done")
"""

# In Script-Fu; a procedure's arguments come in the order in which the plug-in registers them.
DEMO_IN_GIMP2 = """
(let* ((image (car (gimp-file-load RUN-NONINTERACTIVE %(before)s %(before)s)))
       (photo (car (gimp-image-get-active-layer image)))
       (save (lambda (name)
         (let* ((copy (car (gimp-image-duplicate image)))
                (flat (car (gimp-image-merge-visible-layers copy CLIP-TO-IMAGE))))
           (gimp-file-save RUN-NONINTERACTIVE copy flat name name)
           (gimp-image-delete copy)))))
  (gimp-image-select-ellipse image CHANNEL-OP-REPLACE %(x)s %(y)s %(width)s %(height)s)
  (gimp-selection-feather image 12)
  (let ((edited (car (python-fu-venice-edit RUN-NONINTERACTIVE image photo
          %(prompt)s "" "guide" -1 0 -1 1 "" "" "" TRUE FALSE TRUE TRUE "" "layer" "layer"))))
    (save %(after)s)
    (gimp-selection-none image)
    (let ((cutout (car (python-fu-venice-remove-background RUN-NONINTERACTIVE image photo
          "layer" TRUE "" TRUE))))
      (gimp-item-set-visible edited FALSE)
      (save %(cutout)s)
      (gimp-item-set-visible photo TRUE)
      (gimp-item-set-visible edited TRUE)
      (gimp-item-set-visible cutout FALSE)
      (gimp-file-save RUN-NONINTERACTIVE image photo %(layers)s %(layers)s)
      (display "demo done"))))
"""

DRAW_MASK = """
from PIL import Image, ImageDraw, ImageFilter
with Image.open(%r) as photo:
    mask = Image.new("L", photo.size)
x, y, width, height = %r
ImageDraw.Draw(mask).ellipse((x, y, x + width, y + height), fill=255)
mask.filter(ImageFilter.GaussianBlur(6)).save(%r)
"""


def demo_script(kind, paths):
    """Its values are literals of Script-Fu as JSON writes them, and all together one text of JSON."""
    x, y, width, height = ELLIPSE
    values = dict(paths, x=x, y=y, width=width, height=height, prompt=PROMPT)
    literals = {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}
    template = DEMO_IN_GIMP2 if kind is GIMP2 else DEMO_IN_GIMP3
    return template % dict(literals, json=json.dumps(dict(values, ellipse=ELLIPSE)))


def demo(env, profiles, folder):
    """One edit and one cut-out on the sandbox, in every GIMP there is, or else on the command line."""
    os.makedirs(folder, exist_ok=True)
    gimps = [gimp for profile in profiles for gimp in profile.gimps]
    for gimp in gimps or [None]:
        start = os.path.join(folder, "venice-demo-%s" % (gimp.version + "-" if len(gimps) > 1 else ""))
        names = ["before.jpg", "after.png", "cutout.png"] + (["layers.xcf"] if gimp else [])
        paths = {name.split(".")[0]: start + name for name in names}
        shutil.copyfile(PHOTO, paths["before"])
        say("Trying an edit and a cut-out %s..." % ("in GIMP " + gimp.version if gimp else "without GIMP"))
        if gimp:
            script = demo_script(gimp.kind, paths)
            _, output = gimp_batch(gimp, script, timeout=600, VENICE_PROVIDER="sandbox")
            if "demo done" not in output:
                text = "The demo did not work in GIMP %s:\n%s"
                raise InstallError(text % (gimp.version, last_lines(output)))
        else:
            demo_without_gimp(env, paths, start + "mask.png")
        for name, path in paths.items():
            say("  %-8s%s" % (name, path))
    say("They were made by the built-in sandbox: it only tints and cuts out, is no AI, and costs nothing.")


def demo_without_gimp(env, paths, mask):
    core = [python_of(env), "-I", "-m", "venice_core"]
    before = paths["before"]
    edit = ["edit", before, "-p", PROMPT, "--mask", mask, "-o", paths["after"]]
    cutout = ["cutout", before, "-o", paths["cutout"]]
    draw = [python_of(env), "-I", "-c", DRAW_MASK % (before, ELLIPSE, mask)]
    for command in (draw, core + edit, core + cutout):
        status, output = run(command, timeout=600, VENICE_PROVIDER="sandbox")
        if status != 0:
            raise InstallError("The demo did not work:\n%s" % last_lines(output))


def main():
    summary, rest = __doc__.split("\n", 1)
    parser = argparse.ArgumentParser(
        usage="python3 install.py [--demo [FOLDER] | --doctor | --uninstall] [--dry-run]",
        description=summary,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--demo", nargs="?", const="~/venice-demo", metavar="FOLDER")
    what.add_argument("--doctor", action="store_true")
    what.add_argument("--uninstall", action="store_true")
    parser.add_argument("--dry-run", action="store_true")
    asked = parser.parse_args()

    if os.geteuid() == 0 and os.environ.get("SUDO_USER"):
        raise InstallError("Run this without sudo: it installs for you, not for the whole computer.")
    if asked.doctor:
        return 0 if doctor() else 1
    if asked.uninstall:
        uninstall(asked.dry_run)
        return 0
    profiles = find_profiles()
    for profile in profiles:
        names = ["GIMP %s (%s)" % (gimp.version, gimp.program) for gimp in profile.gimps]
        say("Found %s, profile %s" % (" and ".join(names) or "no GIMP in PATH, but a", profile.folder))
    profiles, unable = by_python(profiles)
    for gimp in [gimp for profile in unable for gimp in profile.gimps]:
        say(NO_PYTHON % ("GIMP %s (%s)" % (gimp.version, gimp.program)))
    if not any(profile.gimps for profile in profiles):
        say(NO_GIMP)
        if not profiles and not asked.demo:
            return 1
    env = install(profiles, unable, asked.dry_run)
    if asked.dry_run:
        say("Nothing was changed.")
        return 0
    if profiles:
        say("Venice for GIMP %s is installed. Restart GIMP if it is open." % version())
    if asked.demo:
        demo(env, profiles, os.path.abspath(os.path.expanduser(asked.demo)))
    return 0


def stop(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)
    except (InstallError, OSError) as problem:
        print("\n%s" % problem, file=sys.stderr)
        sys.exit(1)
