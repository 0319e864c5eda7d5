#!/usr/bin/env python3
"""Install Venice for GIMP: for you alone (never with sudo), for every GIMP 3 and 2.10 on this computer.

  python3 install.py              install, upgrade, or repair
  python3 install.py --demo       install, then try an edit and a cutout on a photograph; needs no key
  python3 install.py --doctor     check everything that has to work, and suggest a remedy for what does not
  python3 install.py --dry-run    show what would be done, without changing anything
  python3 install.py --uninstall  remove what was installed, and nothing else

Files it writes:

  ~/.local/share/venice-gimp/worker-*                  the plug-in's own Python environment
  ~/.local/share/venice-gimp/install.json              the list of everything that was written
  ~/.config/GIMP/3.x/plug-ins/venice_gimp3/            the plug-in, for each GIMP 3
  ~/.config/GIMP/2.10/plug-ins/venice_gimp2/           the plug-in, for GIMP 2.10 if that has Python

XDG_DATA_HOME and XDG_CONFIG_HOME are honored. With GIMP3_DIRECTORY or GIMP2_DIRECTORY set, only the
profiles that they name get the plug-in. Libraries come through pip, with your pip settings, exactly as
listed in requirements.lock.
All or nothing: if a step fails, or you press Ctrl-C, the previous state is restored. A folder that this
installer did not create is never touched.

Needs Linux and Python 3.10 or newer with its venv module; nothing else has to be installed first.
"""

# Kept readable for Python 2 and 3.6, so that they get the sentence below and not a syntax error:
# no f-strings, annotations (types are comments), [*unpacking] or "raise ... from". It is longer than other
# files here and still one file, so that everything it does to a computer can be read in one place.
# ruff: noqa: RUF005
from __future__ import print_function

import sys

if sys.version_info < (3, 10):
    sys.exit("Venice for GIMP needs Python 3.10 or newer; this is Python %d.%d." % sys.version_info[:2])
if not sys.platform.startswith("linux"):
    sys.exit("Venice for GIMP supports only Linux so far.")

import argparse
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
import typing

HERE = os.path.dirname(os.path.abspath(__file__))
LOCK = os.path.join(HERE, "requirements.lock")
PROGRAMS = os.path.join(HERE, "docs", "demo")
STAGING = ".venice-gimp-install"  # next to plug-ins, not in it: GIMP must never see half a plug-in
COMPLETE = "venice-complete.json"  # written last into an environment
AGAIN = "run: python3 install.py"
NO_GIMP = (
    "No GIMP 3 was found on this computer, and no GIMP 2.10 with Python"
    " (searched PATH for gimp and gimp-console)."
)
NO_PYTHON = (
    "%s was built without Python, like most GIMP 2.10 packages for Linux, so it cannot run this plug-in."
    " GIMP 3.0.4 or newer can."
)


class InstallError(Exception):
    """Installing cannot go on; the text says why and what helps."""


def say(text):
    # type: (str) -> None
    print(text, flush=True)


def environment(**more):
    # type: (**str) -> dict[str, str]
    """Your environment, without what an active virtual environment or a bundled Python put into it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "__PYVENV"))}
    own = os.path.join(env.pop("VIRTUAL_ENV", os.devnull), "bin")
    folders = env.get("PATH", os.defpath).split(os.pathsep)
    return dict(env, PATH=os.pathsep.join(folder for folder in folders if folder != own), **more)


def run(command, script="", timeout=None, **more):
    # type: (list[str], str, float | None, **str) -> tuple[int | None, str]
    """Run to the end or to `timeout` seconds, then end all it started. Returns status and output."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output:
        given.write(script.encode("utf-8"))
        given.seek(0)
        process = subprocess.Popen(
            command,
            env=environment(**more),
            start_new_session=True,
            stdin=given,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        status = None
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    return status, text if status is not None else "%s\nTimed out after %d s." % (text, timeout or 0)


def last_lines(text):
    # type: (str) -> str
    return "\n".join("    " + line for line in text.strip().splitlines()[-12:])


def read_json(path):
    # type: (str) -> dict[str, typing.Any]
    """The object in a JSON file, or {} if there is none that can be read."""
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path, value):
    # type: (str, dict[str, typing.Any]) -> None
    """In one step: a reader sees the old or the new text, never a part."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


def remove_if_empty(folder):
    # type: (str) -> None
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def remove_tree(folder):
    # type: (str) -> None
    if not os.path.islink(folder):
        shutil.rmtree(folder, ignore_errors=True)


def xdg(variable, *default):
    # type: (str, *str) -> str
    """A base folder by the XDG rules: a relative path counts as unset."""
    value = os.environ.get(variable, "")
    return value if os.path.isabs(value) else os.path.join(os.path.expanduser("~"), *default)


def data_folder():
    # type: () -> str
    return os.path.join(xdg("XDG_DATA_HOME", ".local", "share"), "venice-gimp")


def version():
    # type: () -> str
    with open(os.path.join(HERE, "venice_core", "version.py"), encoding="utf-8") as file:
        return file.read().partition('VERSION = "')[2].partition('"')[0]


def in_script_fu(value):
    # type: (typing.Any) -> str
    """A literal of Script-Fu, which has strings and numbers as JSON has them."""
    if isinstance(value, tuple):
        return "(list %s)" % " ".join(map(in_script_fu, value))
    return json.dumps(value, ensure_ascii=False)


# A kind of GIMP: the plug-in's folder and main file, the series, the variable that names a profile, some
# procedures; and for a program that it reads from standard input: the ending of the file's name, the
# options, what has to end it, and how a value is written and defined in it.
Kind = typing.NamedTuple(
    "Kind",
    [
        ("name", str),
        ("series", str),
        ("variable", str),
        ("procedures", typing.Tuple[str, ...]),
        ("suffix", str),
        ("options", typing.List[str]),
        ("end", str),
        ("literal", typing.Callable[[typing.Any], str]),
        ("definition", str),
    ],
)
GIMP3 = Kind(
    name="venice_gimp3",
    series=r"3\.\d+",
    variable="GIMP3_DIRECTORY",
    procedures=("plug-in-venice-edit", "plug-in-venice-remove-background", "plug-in-venice-settings"),
    suffix=".py",
    options=["--batch-interpreter", "python-fu-eval", "-b", "-", "--quit"],
    end="",
    literal=repr,
    definition="%s = %s\n",
)
GIMP2 = Kind(
    name="venice_gimp2",
    series=r"2\.10",
    variable="GIMP2_DIRECTORY",
    procedures=("python-fu-venice-edit", "python-fu-venice-remove-background", "python-fu-venice-generate"),
    suffix=".scm",
    options=["-b", "-"],
    end="(gimp-quit 0)\n",  # in the program: after its end GIMP 2.10 would wait for ever
    literal=in_script_fu,
    definition="(define %s %s)\n",
)
KINDS = (GIMP3, GIMP2)


class Gimp:
    """A GIMP found here: its profile folder, and its program and version if it is in PATH."""

    def __init__(self, kind, profile, program="", version=""):
        # type: (Kind, str, str, str) -> None
        self.kind = kind
        self.profile = profile
        self.program = program
        self.version = version
        self.plug_in = os.path.join(profile, "plug-ins", kind.name)

    def __str__(self):
        # type: () -> str
        return "GIMP %s (%s)" % (self.version, self.program)

    @classmethod
    def in_path(cls, kind):
        # type: (Kind) -> list[Gimp]
        """Those in PATH, one for each series, with the profile that it uses."""
        named = re.compile(r"gimp(-console)?(-[\d.]+)?")
        folders = [folder for folder in environment()["PATH"].split(os.pathsep) if os.path.isabs(folder)]
        programs = [
            path for folder in folders for path in glob.glob(os.path.join(glob.escape(folder), "gimp*"))
        ]
        found = {}  # type: dict[str, Gimp]
        # A stable sort: the console programs first, else in the order of PATH.
        for program in sorted(programs, key=lambda path: "-console" not in os.path.basename(path)):
            if named.fullmatch(os.path.basename(program)) and os.access(program, os.X_OK):
                status, output = run([program, "--version"], timeout=60, LC_ALL="C.UTF-8")
                number = re.search(r"\b(%s)\.\d+\S*" % kind.series, output)
                if status == 0 and number:
                    series = number.group(1)
                    profile = os.environ.get(kind.variable) or os.path.join(cls.profiles(), series)
                    found.setdefault(series, cls(kind, profile, program, number.group(0)))
        return [found[series] for series in sorted(found)]

    @classmethod
    def find(cls):
        # type: () -> list[Gimp]
        """Those in PATH, and profiles whose GIMP is elsewhere; or only the profiles that variables name."""
        named = [kind for kind in KINDS if os.environ.get(kind.variable)]
        for kind in named:
            if not os.path.isabs(os.environ[kind.variable]):
                text = "%s must be an absolute path, but it is %s."
                raise InstallError(text % (kind.variable, os.environ[kind.variable]))
        if named:
            profiles = "profiles" if len(named) > 1 else "profile"
            say("Using only the %s set in %s." % (profiles, " and ".join(kind.variable for kind in named)))
        return [gimp for kind in named or KINDS for gimp in cls.of_kind(kind)]

    @classmethod
    def of_kind(cls, kind):
        # type: (Kind) -> list[Gimp]
        gimps = cls.in_path(kind)
        folders = glob.glob(os.path.join(glob.escape(cls.profiles()), "*"))
        folders = [folder for folder in folders if re.fullmatch(kind.series, os.path.basename(folder))]
        if os.environ.get(kind.variable):
            folders = [os.environ[kind.variable]]
        others = set(folders).difference(gimp.profile for gimp in gimps)
        return sorted(gimps + [cls(kind, folder) for folder in others], key=lambda gimp: gimp.profile)

    @staticmethod
    def profiles():
        # type: () -> str
        return os.path.join(xdg("XDG_CONFIG_HOME", ".config"), "GIMP")

    def batch(self, script="", timeout=180, **more):
        # type: (str, float, **str) -> tuple[int | None, str]
        """Run a script without a window, in the profile that you use."""
        command = [self.program, "-i", "-d", "-f"] + self.kind.options
        return run(command, script + self.kind.end, timeout, **more)

    def script(self, name, **values):
        # type: (str, **typing.Any) -> str
        """A program of docs/demo for this GIMP, after definitions of its values."""
        written = [(each, self.kind.literal(values[each])) for each in sorted(values)]
        with open(os.path.join(PROGRAMS, name + self.kind.suffix), encoding="utf-8") as file:
            return "".join(self.kind.definition % pair for pair in written) + file.read()

    def missing_procedures(self):
        # type: () -> tuple[list[str], str]
        """The procedures that GIMP does not list, and what it printed."""
        names = self.kind.procedures
        _, output = self.batch(self.script("procedures", names=names))
        return [name for name in names if "listed %s True" % name not in output], output

    def lacks_python(self):
        # type: () -> bool
        """Whether this is a GIMP 2.10 that cannot run a plug-in in Python. Asked in a throw-away profile."""
        if self.kind is not GIMP2 or not self.program:
            return False
        with tempfile.TemporaryDirectory() as profile:
            probe = os.path.join(profile, "plug-ins", "probe", "probe.py")
            os.makedirs(os.path.dirname(probe))
            shutil.copyfile(os.path.join(PROGRAMS, "probe.py"), probe)
            os.chmod(probe, 0o755)  # noqa: S103 - GIMP runs it
            folders = (GIMP2.variable, "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
            status, output = self.batch("", 180, **dict.fromkeys(folders, profile))
            could_run = status == 0 and os.access(probe, os.X_OK)
        return could_run and "Python works" not in output

    def make_profile(self):
        # type: () -> None
        """Let GIMP do it: it takes over an older GIMP's settings only if there is no folder yet."""
        if self.program and not os.path.isdir(self.profile):
            say("Starting GIMP %s once so that it creates its profile..." % self.version)
            self.batch()

    def check_plug_in(self):
        # type: () -> None
        if not self.program:
            return
        missing, output = self.missing_procedures()
        if missing:
            text = "GIMP %s does not list %s. Its output:\n%s"
            raise InstallError(text % (self.version, ", ".join(missing), last_lines(output)))
        say("GIMP %s has the plug-in: Filters > Venice." % self.version)


def python_of(env):
    # type: (str) -> str
    return os.path.join(env, "bin", "python")


def no_venv(output=""):
    # type: (str) -> str
    """The sentence for a Python without a working venv module, which Debian keeps in its own package."""
    package = re.search(r"apt(?:-get)? install (\S+)", output)
    text = "Python's venv module is missing or broken. Install it, then run the installer again"
    if package or os.path.exists("/etc/debian_version"):
        name = package.group(1) if package else "python%d.%d-venv" % sys.version_info[:2]
        return "%s:\n\n    sudo apt install %s" % (text, name)
    return "%s.\n%s" % (text, last_lines(output))


def make_venv(env, lock):
    # type: (str, str) -> None
    """Make a virtual environment with exactly what the lock file lists. The tests have one, too."""
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


def core_files():
    # type: () -> typing.Iterator[tuple[str, str]]
    """Each file of the core, and its name within site-packages."""
    for folder, folders, names in os.walk(os.path.join(HERE, "venice_core")):
        folders[:] = sorted(set(folders) - {"__pycache__"})
        for name in sorted(names):
            path = os.path.join(folder, name)
            yield path, os.path.relpath(path, HERE)


class WorkerEnvironment:
    """The worker's own Python: a virtual environment with the libraries and the core."""

    def __init__(self, folder):
        # type: (str) -> None
        self.folder = folder
        self.python = python_of(folder)

    @classmethod
    def choose(cls):
        # type: () -> WorkerEnvironment
        """The one for this checkout: if it exists, it works. A broken one is passed over."""
        first = os.path.join(data_folder(), "worker-%s-%s" % (version(), cls.stamp()))
        env = cls(first)
        number = 1
        while os.path.lexists(env.folder) and not env.works():
            number += 1
            env = cls("%s-%d" % (first, number))
        return env

    @staticmethod
    def stamp():
        # type: () -> str
        """Another one if the lock, the core or the Python is another."""
        digest = hashlib.sha256(repr((sys.version_info[:2], os.path.realpath(sys.executable))).encode())
        for path, name in [(LOCK, "lock")] + list(core_files()):
            with open(path, "rb") as file:
                digest.update(name.encode() + b"\0" + hashlib.sha256(file.read()).digest())
        return digest.hexdigest()[:12]

    @property
    def exists(self):
        # type: () -> bool
        return os.path.isdir(self.folder)

    def run(self, arguments, timeout=120, **more):
        # type: (list[str], float, **str) -> tuple[int | None, str]
        """Run its Python, leaving no trace there. Returns status and output."""
        return run([self.python, "-I", "-B"] + arguments, timeout=timeout, **more)

    def works(self):
        # type: () -> bool
        complete = os.path.isfile(os.path.join(self.folder, COMPLETE)) and os.access(self.python, os.X_OK)
        return complete and not os.path.islink(self.folder) and self.start()[0] == 0

    def start(self):
        # type: () -> tuple[int | None, str]
        return self.run(["-c", "import venice_core.worker.server"])

    def make(self):
        # type: () -> None
        """Make it where it stays, since its programs name their folder; it counts once it is complete."""
        make_venv(self.folder, LOCK)
        _, site = self.run(["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
        for source, name in core_files():
            target = os.path.join(site.strip(), name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(source, target)
        status, output = self.start()
        if status != 0:
            raise InstallError("The worker does not start:\n%s" % last_lines(output))
        write_json(os.path.join(self.folder, COMPLETE), {"version": version()})

    def remove(self):
        # type: () -> None
        remove_tree(self.folder)

    def settings(self):
        # type: () -> dict[str, typing.Any]
        """The provider, where its key is from (never the key), and the folders with settings and results."""
        status, output = self.run([os.path.join(PROGRAMS, "settings.py")])
        return dict(json.loads(output.splitlines()[-1])) if status == 0 else {}


def with_compiled(names):
    # type: (typing.Iterable[str]) -> set[str]
    """Files of a plug-in, and what Python 2 makes of them next to them."""
    return {each for name in names for each in (name, re.sub(r"\.py$", ".pyc", name))}


class PluginFolder:
    """What is copied into a GIMP's plug-ins folder. It is put together aside, then changes places."""

    def __init__(self, path, staging=""):
        # type: (str, str) -> None
        self.path = path
        self.name = os.path.basename(path)
        plug_ins = os.path.realpath(os.path.dirname(path))  # it may be a link to another disk
        self.staging = staging or os.path.join(os.path.dirname(plug_ins), STAGING)
        self.new = os.path.join(self.staging, "new")
        self.old = os.path.join(self.staging, "old")

    @classmethod
    def of(cls, gimps):
        # type: (typing.Iterable[Gimp]) -> list[PluginFolder]
        """One for each profile, also if several GIMPs use it."""
        every = [cls(gimp.plug_in) for gimp in gimps]
        return list({plug_in.staging: plug_in for plug_in in every}.values())

    @property
    def exists(self):
        # type: () -> bool
        return os.path.isdir(self.path)

    @property
    def worker(self):
        # type: () -> dict[str, typing.Any]
        return read_json(os.path.join(self.path, "worker.json"))

    @property
    def environment(self):
        # type: () -> str
        """The folder of the environment that it starts its worker from, or ""."""
        command = self.worker.get("command") or [""]
        return os.path.dirname(os.path.dirname(command[0]))

    def sources(self):
        # type: () -> list[str]
        plug_ins = glob.escape(os.path.join(HERE, "plug-ins"))
        own, shared = (glob.glob(os.path.join(plug_ins, folder, "*.py")) for folder in (self.name, "shared"))
        return sorted(own) + sorted(shared)

    def refuse_foreign(self, listed):
        # type: (typing.Container[str]) -> None
        """Only a real folder that a manifest calls ours may be replaced."""
        known = self.worker.get("manifest") == 1 or self.path in listed
        if os.path.lexists(self.path) and not (self.exists and not os.path.islink(self.path) and known):
            text = "%s was not created by this installer. Move it elsewhere, then run the installer again."
            raise InstallError(text % self.path)

    def replace(self, env, known, undo):
        # type: (WorkerEnvironment, list[str], contextlib.ExitStack) -> list[str]
        """Put the new plug-in together, then let it change places with the old one, of which `known` are
        our files. Returns the names of the new files."""
        os.mkdir(self.staging)
        undo.callback(self.put_back)
        os.mkdir(self.new)
        for source in self.sources():  # without their times: GIMP reads a plug-in again if it is newer
            shutil.copyfile(source, os.path.join(self.new, os.path.basename(source)))
        os.chmod(os.path.join(self.new, self.name + ".py"), 0o755)  # noqa: S103 - GIMP runs it
        command = [env.python, "-I", "-m", "venice_core", "worker"]
        worker = {"manifest": 1, "version": version(), "command": command}
        write_json(os.path.join(self.new, "worker.json"), worker)
        files = sorted(os.listdir(self.new))
        if self.exists:
            ours = with_compiled(files + known).union(["__pycache__"])
            for name in set(os.listdir(self.path)) - ours:
                if os.path.isfile(os.path.join(self.path, name)):  # somebody else put it there: it stays
                    shutil.copy2(os.path.join(self.path, name), os.path.join(self.new, name))
            os.rename(self.path, self.old)
        else:
            undo.callback(remove_tree, self.path)
        os.rename(self.new, self.path)
        return files

    def put_back(self):
        # type: () -> None
        """Return the plug-in that was moved aside to its place."""
        if os.path.isdir(self.old):
            if self.exists:
                os.rename(self.path, self.new)
            os.rename(self.old, self.path)
        remove_tree(self.staging)

    def remove(self, files, dry_run):
        # type: (list[str], bool) -> None
        ours = self.name in [kind.name for kind in KINDS]
        if not ours or os.path.islink(self.path) or not self.exists:
            return
        say("%s the plug-in: %s" % ("Would remove" if dry_run else "Removing", self.path))
        if dry_run:
            return
        remove_tree(os.path.join(self.path, "__pycache__"))
        for name in with_compiled(map(os.path.basename, files)):
            with contextlib.suppress(FileNotFoundError):
                os.remove(os.path.join(self.path, name))
        remove_if_empty(self.path)
        if self.exists:
            left = ", ".join(sorted(os.listdir(self.path)))
            say("  left in place, because this installer did not create it: %s" % left)

    def remove_drafts(self):
        # type: () -> None
        """Remove what was entered in its windows and not sent: GIMP does not know of these files."""
        profile = os.path.dirname(os.path.dirname(self.path))
        drafts = os.path.join(glob.escape(profile), "plug-in-settings", "*-plug-in-venice-*.draft*")
        for path in glob.glob(drafts):
            with contextlib.suppress(OSError):
                os.remove(path)


class Manifest:
    """What was installed: the list of everything that was written, so that exactly that can be removed."""

    def __init__(self):
        # type: () -> None
        """Read it. Whatever it says, only a worker's environment in our own folder is removed as a whole."""
        self.path = os.path.join(data_folder(), "install.json")
        self.before = read_json(self.path)
        ours = re.compile(re.escape(os.path.join(data_folder(), "worker-")) + r"[\w.+-]+")
        listed = self.before.get("environments", [])
        self.version = self.before.get("version", "")  # type: str
        self.environments = [path for path in listed if ours.fullmatch(path)]  # type: list[str]
        self.plug_ins = dict(self.before.get("plug_ins", {}))  # type: dict[str, list[str]]
        self.folders = list(self.before.get("folders", []))  # type: list[str]
        self.staging = dict(self.before.get("staging", {}))  # type: dict[str, str]

    def write(self):
        # type: () -> None
        fields = ("version", "environments", "plug_ins", "folders", "staging")
        write_json(self.path, dict({field: getattr(self, field) for field in fields}, manifest=1))

    def put_back(self):
        # type: () -> None
        if self.before:
            write_json(self.path, self.before)
        elif os.path.exists(self.path):
            os.remove(self.path)

    def make_folder(self, path, undo):
        # type: (str, contextlib.ExitStack) -> None
        """Make a folder and its parents; each new one is listed, and removed again on failure."""
        if not os.path.isdir(path):
            self.make_folder(os.path.dirname(path), undo)
            undo.callback(remove_if_empty, path)
            os.mkdir(path)
            self.folders.append(path)

    def lock(self, undo):
        # type: (contextlib.ExitStack) -> None
        """Hold the lock of our folder to the end of this program. What was read must still be there."""
        lock = os.open(data_folder(), os.O_RDONLY)
        undo.callback(os.close, lock)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if read_json(self.path) == self.before:
                return
        raise InstallError(
            "Another installation is running, or has just ended. Run this again when it is done."
        )

    def finish_killed_run(self):
        # type: () -> None
        for staging, path in self.staging.items():
            if os.path.basename(staging) == STAGING and os.path.isdir(staging):
                PluginFolder(path, staging).put_back()

    def begin(self, env, plug_ins, undo):
        # type: (WorkerEnvironment, list[PluginFolder], contextlib.ExitStack) -> None
        """List old and new before anything is written: even a run that is killed leaves nothing unlisted."""
        known = dict(self.plug_ins)
        undo.callback(self.put_back)
        self.version = version()
        self.environments = sorted({env.folder}.union(self.environments))
        self.staging = {plug_in.staging: plug_in.path for plug_in in plug_ins}
        for plug_in in plug_ins:
            names = {os.path.basename(path) for path in plug_in.sources()}
            self.plug_ins[plug_in.path] = sorted(names.union(["worker.json"], known.get(plug_in.path, [])))
        self.write()

    def end(self):
        # type: () -> None
        self.staging = {}
        self.write()

    def tidy(self, env):
        # type: (WorkerEnvironment) -> None
        """Forget plug-ins that are gone, and remove the environments that none of the others uses."""
        self.plug_ins = {path: names for path, names in self.plug_ins.items() if os.path.isdir(path)}
        used = {env.folder}.union(PluginFolder(path).environment for path in self.plug_ins)
        for unused in set(self.environments) - used:
            WorkerEnvironment(unused).remove()
        self.environments = [path for path in self.environments if path in used]
        self.write()

    def settings(self):
        # type: () -> dict[str, typing.Any]
        """What an environment that works says of the settings, or {}."""
        for env in map(WorkerEnvironment, self.environments):
            settings = env.settings() if env.works() else {}
            if settings:
                return settings
        return {}

    def remove_plug_ins(self, paths, dry_run):
        # type: (typing.Iterable[str], bool) -> None
        for path in sorted(set(paths).intersection(self.plug_ins)):
            PluginFolder(path).remove(self.plug_ins[path], dry_run)

    def remove_all(self, dry_run):
        # type: (bool) -> None
        """Remove everything that is listed, then the list itself."""
        if not dry_run:
            self.finish_killed_run()
        self.remove_plug_ins(self.plug_ins, dry_run)
        for env in map(WorkerEnvironment, self.environments):
            say("%s the worker's environment: %s" % ("Would remove" if dry_run else "Removing", env.folder))
            if not dry_run:
                env.remove()
        if dry_run:
            return
        for path in self.plug_ins:
            PluginFolder(path).remove_drafts()
        os.remove(self.path)
        for folder in reversed(self.folders):
            remove_if_empty(folder)


def install(gimps, unable, dry_run):
    # type: (list[Gimp], list[Gimp], bool) -> WorkerEnvironment
    """Install the plug-in for `gimps`, and remove it from those that are `unable` to run it."""
    manifest = Manifest()
    known = dict(manifest.plug_ins)
    plug_ins = PluginFolder.of(gimps)
    for plug_in in plug_ins:
        plug_in.refuse_foreign(known)
    env = WorkerEnvironment.choose()
    if dry_run:
        say("Would %s the worker's environment: %s" % ("keep" if env.exists else "create", env.folder))
        for plug_in in plug_ins:
            say("Would %s the plug-in: %s" % ("replace" if plug_in.exists else "add", plug_in.path))
        manifest.remove_plug_ins([gimp.plug_in for gimp in unable], dry_run)
        return env

    with contextlib.ExitStack() as undo:
        try:
            manifest.make_folder(data_folder(), undo)
            manifest.lock(undo)
            manifest.finish_killed_run()
            manifest.begin(env, plug_ins, undo)
            if env.exists:
                say("The worker's environment is up to date.")
            else:
                say("Creating the worker's environment (about 100 MB of libraries; a minute or two)...")
                undo.callback(env.remove)
                env.make()
            for gimp in gimps:
                gimp.make_profile()
                manifest.make_folder(os.path.dirname(gimp.plug_in), undo)
            for plug_in in plug_ins:
                files = plug_in.replace(env, known.get(plug_in.path, []), undo)
                manifest.plug_ins[plug_in.path] = files
            for gimp in gimps:
                gimp.check_plug_in()
            manifest.end()
        except BaseException:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # restoring is not to be interrupted
            say("Restoring the previous state.")
            raise
        undo.pop_all()
    for plug_in in plug_ins:
        remove_tree(plug_in.staging)
    manifest.remove_plug_ins([gimp.plug_in for gimp in unable], dry_run)
    manifest.tidy(env)
    return env


def uninstall(dry_run):
    # type: (bool) -> None
    manifest = Manifest()
    if not manifest.version:
        say("Nothing to remove: %s does not exist." % manifest.path)
        return
    kept = manifest.settings().get("kept", [])
    manifest.remove_all(dry_run)
    for folder in kept:
        say("Your settings and results are kept: %s" % folder)
    say("Nothing was changed." if dry_run else "Venice for GIMP was removed. Restart GIMP if it is running.")


def find_able():
    # type: () -> tuple[list[Gimp], list[Gimp]]
    """The GIMPs that can run the plug-in, and those that have no Python for it."""
    every = Gimp.find()
    unable = [gimp for gimp in every if gimp.lacks_python()]
    return [gimp for gimp in every if gimp not in unable], unable


def doctor():
    # type: () -> bool
    """Print a line for everything that has to work. True if all of it does."""
    failed = []

    def row(good, what, found, remedy=""):
        # type: (bool | None, str, str, str) -> None
        word = "-" if good is None else "ok" if good else "FAIL"
        say("%-5s %-12s %s" % (word, what, found))
        if remedy and not good:
            say("%-18s -> %s" % ("", remedy))
        if good is False:
            failed.append(what)

    row(True, "Python", "%d.%d.%d, %s" % (sys.version_info[:3] + (sys.executable,)))
    venv = run([sys.executable, "-I", "-c", "import venv, ensurepip"])[0] == 0
    row(venv, "venv", "available" if venv else "missing", " ".join(no_venv().split()))
    manifest = Manifest()
    row(bool(manifest.version), "Installed", manifest.version or "no", AGAIN)
    gimps, unable = find_able()
    for gimp in unable:
        row(None, "GIMP %s" % gimp.version, NO_PYTHON % gimp.program)
    if not any(gimp.program for gimp in gimps):
        row(False, "GIMP", NO_GIMP, "install GIMP 3.0.4 or newer")
    for gimp in gimps:
        plug_in = PluginFolder(gimp.plug_in)
        there = plug_in.worker.get("version", "none")
        row(there == version(), "Plug-in", "%s in %s" % (there, plug_in.path), AGAIN)
        env = WorkerEnvironment(plug_in.environment)
        works = bool(env.folder) and env.works()
        answers = (
            "%s %s" % (env.python, "responds" if works else "does not respond") if env.folder else "none"
        )
        row(works, "Worker", answers, AGAIN)
        if gimp.program:
            missing = gimp.missing_procedures()[0] if there != "none" else gimp.kind.procedures
            text = "does not list " + ", ".join(missing) if missing else "lists the plug-in"
            row(not missing, "GIMP %s" % gimp.version, "%s %s" % (gimp.program, text), AGAIN)
    settings = manifest.settings()
    if settings:
        row(True, "Provider", settings["provider"])
        if settings["provider"] != "sandbox":
            key = settings["key"]
            remedy = "in GIMP: Filters > Venice > Settings... (GIMP 2.10 asks for it before sending)"
            row(True if key else None, "Key", "from the %s" % key if key else "none yet", remedy)
    return not failed


PHOTO = os.path.join(HERE, "docs", "images", "demo.jpg")
ELLIPSE = (70, 10, 415, 385)  # the cup: x, y, width, height in px of the photograph
PROMPT = "make it pink"  # the color that the sandbox gives to everything


def demo(env, gimps, folder):
    # type: (WorkerEnvironment, list[Gimp], str) -> None
    """One edit and one cutout on the sandbox, in every GIMP there is, or else on the command line."""
    os.makedirs(folder, exist_ok=True)
    there = [gimp for gimp in gimps if gimp.program]
    for gimp in there:
        start = os.path.join(folder, "venice-demo-" + (gimp.version + "-" if len(there) > 1 else ""))
        demo_in_gimp(gimp, start)
    if not there:
        demo_without_gimp(env, os.path.join(folder, "venice-demo-"))
    say("The built-in sandbox made these. It uses no AI (it only recolors and cuts out) and costs nothing.")


def demo_in_gimp(gimp, start):
    # type: (Gimp, str) -> None
    paths = demo_paths(start, "before.jpg", "after.png", "cutout.png", "layers.xcf")
    shutil.copyfile(PHOTO, paths["before"])
    say("Trying an edit and a cutout in GIMP %s..." % gimp.version)
    script = gimp.script("demo", ellipse=ELLIPSE, prompt=PROMPT, **paths)
    _, output = gimp.batch(script, timeout=600, VENICE_PROVIDER="sandbox")
    if "demo done" not in output:
        text = "The demo did not work in GIMP %s:\n%s"
        raise InstallError(text % (gimp.version, last_lines(output)))
    say_paths(paths)


def demo_without_gimp(env, start):
    # type: (WorkerEnvironment, str) -> None
    paths = demo_paths(start, "before.jpg", "mask.png", "after.png", "cutout.png")
    shutil.copyfile(PHOTO, paths["before"])
    before, mask = paths["before"], paths["mask"]
    say("Trying an edit and a cutout without GIMP...")
    core = ["-m", "venice_core"]
    draw = [os.path.join(PROGRAMS, "mask.py"), before, mask] + [str(number) for number in ELLIPSE]
    edit = core + ["edit", before, "-p", PROMPT, "--mask", mask, "-o", paths["after"]]
    cutout = core + ["cutout", before, "-o", paths["cutout"]]
    for arguments in (draw, edit, cutout):
        status, output = env.run(arguments, timeout=600, VENICE_PROVIDER="sandbox")
        if status != 0:
            raise InstallError("The demo did not work:\n%s" % last_lines(output))
    say_paths(paths)


def demo_paths(start, *names):
    # type: (str, *str) -> dict[str, str]
    return {name.split(".")[0]: start + name for name in names}


def say_paths(paths):
    # type: (dict[str, str]) -> None
    for name, path in paths.items():
        say("  %-8s%s" % (name, path))


def main():
    # type: () -> int
    summary, rest = (__doc__ or "").split("\n", 1)
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
    options = parser.parse_args()

    if os.geteuid() == 0 and os.environ.get("SUDO_USER"):
        raise InstallError("Run the installer without sudo: it installs for your account, not system-wide.")
    if options.doctor:
        return 0 if doctor() else 1
    if options.uninstall:
        uninstall(options.dry_run)
        return 0
    gimps, unable = find_able()
    for gimp in gimps + unable:
        name = str(gimp) if gimp.program else "a profile whose GIMP is not in PATH"
        say("Found %s: profile %s" % (name, gimp.profile))
    for gimp in unable:
        say(NO_PYTHON % gimp)
    if not any(gimp.program for gimp in gimps):
        say(NO_GIMP)
        if not gimps and not options.demo:
            return 1
    env = install(gimps, unable, options.dry_run)
    if options.dry_run:
        say("Nothing was changed.")
        return 0
    if gimps:
        say("Venice for GIMP %s is installed. Restart GIMP if it is running." % version())
    if options.demo:
        demo(env, gimps, os.path.abspath(os.path.expanduser(options.demo)))
    return 0


def stop(*_):
    # type: (*object) -> None
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
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
