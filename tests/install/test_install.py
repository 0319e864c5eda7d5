"""install.py against a stand-in for GIMP: all or nothing, and never anybody else's files."""

import ast
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import venice_arguments

import install

REPO = Path(install.__file__).parent
HERE = Path(__file__).parent
ISOLATED = ("XDG_", "VENICE_", "OPENAI_", "GIMP2_", "GIMP3_", "PYTHON", "VIRTUAL_ENV", "FAKE_GIMP", "SUDO_")


class Machine:
    """A home with a space and an umlaut, a PATH of its own, and a checkout with a tiny core."""

    def __init__(self, root: Path) -> None:
        self.home = root / "Jörg's home"
        self.bin = root / "bin"
        self.checkout = root / "check out"
        self.data = self.home / ".local" / "share" / "venice-gimp"
        self.plug_in = self.profile("3.0") / "plug-ins" / "venice_gimp3"
        self.worker = self.plug_in / "worker.json"
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(ISOLATED)}
        self.env |= {"HOME": str(self.home), "PATH": str(self.bin)}
        for folder in (self.home, self.bin):
            folder.mkdir(parents=True)
        self.write("requirements.lock", "")
        self.write("venice_core/__init__.py", "")
        self.write("venice_core/version.py", 'VERSION = "1.0"\n')
        self.write("venice_core/worker/__init__.py", "")
        self.write("venice_core/worker/server.py", "")
        self.write("venice_core/worker/data/table.json", "{}")
        self.write("plug-ins/venice_gimp3/venice_gimp3.py", "print('one')\n")
        self.write("plug-ins/venice_gimp3/host.py", "")
        self.write("plug-ins/venice_gimp2/venice_gimp2.py", "")
        self.write("plug-ins/venice_gimp2/host2.py", "")
        self.write("plug-ins/shared/venice_link.py", "")
        self.write("plug-ins/shared/venice_task.py", "")
        shutil.copy(REPO / "install.py", self.checkout)
        shutil.copytree(REPO / "docs" / "demo", self.checkout / "docs" / "demo")

    def profile(self, series: str) -> Path:
        return self.home / ".config" / "GIMP" / series

    def plug_in2(self) -> Path:
        return self.profile("2.10") / "plug-ins" / "venice_gimp2"

    def write(self, name: str, text: str) -> None:
        path = self.checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def add_gimp(self, version: str = "3.0.4") -> None:
        program = self.bin / f"gimp-console-{version.rpartition('.')[0]}"
        source = (HERE / "fake_gimp.py").read_text().replace('"3.0.4"', repr(version))
        program.write_text(f"#!{sys.executable}\n{source}")
        program.chmod(0o755)

    def next_version(self) -> None:
        self.write("venice_core/version.py", 'VERSION = "2.0"\n')
        self.write("plug-ins/venice_gimp3/venice_gimp3.py", "print('two')\n")

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(self.checkout / "install.py"), *arguments]

    def run(self, *arguments: str, status: int = 0, **env: str) -> str:
        done = subprocess.run(
            self.command(*arguments),
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=280,
            check=False,
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    def run_until_gimp(self, stop: signal.Signals) -> int:
        """Send a signal while GIMP is asked, when everything is in place and not yet proven."""
        reached = self.bin / "reached"
        env = {**self.env, "FAKE_GIMP": "hang", "FAKE_GIMP_TOUCH": str(reached)}
        process = subprocess.Popen(self.command(), env=env, stdout=subprocess.DEVNULL)
        while not reached.exists():
            assert process.poll() is None
            time.sleep(0.02)
        reached.unlink()
        process.send_signal(stop)
        return process.wait(30)

    def files(self) -> dict[str, str]:
        """What is in the home, except inside environments: those have no changes but their own bytecode."""
        found = {}
        for path in sorted(self.home.rglob("*")):
            name = str(path.relative_to(self.home))
            if "/bin/" not in name and "/lib" not in name and "__pycache__" not in name:
                found[name] = path.read_text("utf-8") if path.is_file() else "folder"
        return found

    def environments(self) -> list[str]:
        return sorted(path.name for path in self.data.glob("worker-*"))


@pytest.fixture
def bare(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def machine(bare: Machine) -> Machine:
    bare.add_gimp()
    return bare


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, Path]:
    """A machine with everything installed, and a copy of it to begin again from."""
    root = tmp_path_factory.mktemp("installed")
    machine = Machine(root / "machine")
    machine.add_gimp()
    machine.run()
    shutil.copytree(root / "machine", root / "copy", symlinks=True)
    return machine, root / "copy"


@pytest.fixture
def installed(saved: tuple[Machine, Path]) -> Machine:
    machine, copy = saved
    shutil.rmtree(machine.home.parent)
    shutil.copytree(copy, machine.home.parent, symlinks=True)
    return machine


def test_it_installs_the_plug_in_and_a_worker_that_answers(machine: Machine) -> None:
    said = machine.run()
    assert "GIMP 3.0.4 has the plug-in" in said
    assert {path.name for path in machine.plug_in.iterdir()} == {
        "venice_gimp3.py",
        "host.py",
        "venice_link.py",
        "venice_task.py",
        "worker.json",
    }
    assert (machine.plug_in / "venice_gimp3.py").stat().st_mode & 0o777 == 0o755
    worker = json.loads(machine.worker.read_text())
    assert (worker["manifest"], worker["version"]) == (1, "1.0")
    python, *rest = worker["command"]
    assert rest == ["-I", "-m", "venice_core", "worker"]
    assert Path(python).is_relative_to(machine.data)
    core = subprocess.check_output([python, "-I", "-c", "import venice_core; print(venice_core.__file__)"])
    assert (Path(os.fsdecode(core).strip()).parent / "worker" / "data" / "table.json").exists()


def test_gimp_makes_its_own_profile_before_anything_is_put_there(machine: Machine) -> None:
    machine.run()
    assert (machine.profile("3.0") / "gimprc").exists()


def test_every_gimp_gets_the_plug_in_also_one_that_is_not_in_path(machine: Machine) -> None:
    machine.add_gimp("3.2.6")
    machine.profile("3.4").mkdir(parents=True)
    machine.run()
    for series in ("3.0", "3.2", "3.4"):
        assert (machine.profile(series) / "plug-ins" / "venice_gimp3" / "worker.json").exists()


def test_gimp3_directory_alone_gets_the_plug_in(machine: Machine) -> None:
    profile = machine.home / "own profile"
    machine.run(GIMP3_DIRECTORY=str(profile))
    assert (profile / "plug-ins" / "venice_gimp3" / "worker.json").exists()
    assert not machine.profile("3.0").exists()
    assert "absolute" in machine.run(GIMP3_DIRECTORY="profile", status=1)


def test_a_second_run_keeps_the_environment_and_makes_gimp_read_the_plug_in_again(installed: Machine) -> None:
    main = installed.plug_in / "venice_gimp3.py"
    before, environments = main.stat().st_mtime_ns, installed.environments()
    assert "up to date" in installed.run()
    assert installed.environments() == environments
    assert main.stat().st_mtime_ns > before


def test_a_broken_environment_is_replaced(installed: Machine) -> None:
    (broken,) = installed.environments()
    (installed.data / broken / "bin" / "python").unlink()
    installed.run()
    assert len(installed.environments()) == 1
    assert installed.environments() != [broken]


def test_an_upgrade_removes_the_old_environment_and_keeps_what_others_put_there(installed: Machine) -> None:
    (installed.plug_in / "notes.txt").write_text("mine")
    (installed.data / "worker-mine").mkdir()
    (installed.checkout / "plug-ins/venice_gimp3/host.py").unlink()
    installed.next_version()
    installed.run()
    names = {path.name for path in installed.plug_in.iterdir()}
    assert names == {"venice_gimp3.py", "venice_link.py", "venice_task.py", "worker.json", "notes.txt"}
    assert "two" in (installed.plug_in / "venice_gimp3.py").read_text()
    mine, new = installed.environments()
    assert mine == "worker-mine" or new == "worker-mine"
    assert any(name.startswith("worker-2.0-") for name in (mine, new))


def test_an_environment_that_another_profile_uses_stays(installed: Machine) -> None:
    installed.next_version()
    installed.run(GIMP3_DIRECTORY=str(installed.home / "other"))
    assert [name[:10] for name in installed.environments()] == ["worker-1.0", "worker-2.0"]
    installed.run()
    assert [name[:10] for name in installed.environments()] == ["worker-2.0"]


def test_after_a_failed_first_install_nothing_is_left(machine: Machine) -> None:
    machine.profile("3.0").mkdir(parents=True)
    before = machine.files()
    assert "does not list plug-in-venice-edit" in machine.run(status=1, FAKE_GIMP="broken")
    assert machine.files() == before


@pytest.mark.parametrize("way", ["gimp", "worker", "pip"])
def test_after_a_failed_upgrade_the_old_install_is_back(installed: Machine, way: str) -> None:
    before = installed.files()
    installed.next_version()
    if way == "gimp":
        installed.run(status=1, FAKE_GIMP="broken")
    elif way == "worker":
        installed.write("venice_core/worker/server.py", "raise SystemExit('no such luck')")
        assert "no such luck" in installed.run(status=1)
    else:
        installed.write("requirements.lock", f"nothing-at-all==1 --hash=sha256:{'0' * 64}\n")
        said = installed.run(status=1, PIP_NO_INDEX="1", PIP_FIND_LINKS="")
        assert "nothing-at-all" in said
        log = Path(said.rpartition("More: ")[2].strip())
        assert "nothing-at-all" in log.read_text()
        log.unlink()
    assert installed.files() == before


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_upgrade_puts_the_old_install_back(installed: Machine, stop: signal.Signals) -> None:
    before = installed.files()
    installed.next_version()
    assert installed.run_until_gimp(stop) == 130
    assert installed.files() == before


@pytest.mark.parametrize("after", [(), ("--uninstall",)], ids=["install", "uninstall"])
def test_the_next_run_tidies_up_after_one_that_was_killed(installed: Machine, after: tuple[str, ...]) -> None:
    installed.next_version()
    assert installed.run_until_gimp(signal.SIGKILL) == -signal.SIGKILL
    installed.run(*after)
    assert not list(installed.home.rglob(install.STAGING))
    assert installed.plug_in.exists() is (not after)
    assert [name[:10] for name in installed.environments()] == ([] if after else ["worker-2.0"])


def test_uninstall_also_removes_what_a_killed_first_install_left(machine: Machine) -> None:
    machine.profile("3.0").mkdir(parents=True)
    before = machine.files()
    machine.run_until_gimp(signal.SIGKILL)
    machine.run("--uninstall")
    (machine.profile("3.0") / "plug-ins").rmdir()  # empty; the killed run could not note that it made it
    left = machine.files()
    assert {name: left[name] for name in before} == before
    assert not [name for name in left if "venice" in name and name != ".local/share/venice-gimp"]


def test_a_dry_run_writes_nothing(machine: Machine) -> None:
    machine.profile("3.0").mkdir(parents=True)
    before = machine.files()
    said = machine.run("--dry-run")
    assert f"Would add the plug-in: {machine.plug_in}" in said
    assert machine.files() == before
    machine.run()
    before = machine.files()
    assert "Would keep the worker's environment" in machine.run("--dry-run")
    assert f"Would remove the plug-in: {machine.plug_in}" in machine.run("--uninstall", "--dry-run")
    assert machine.files() == before


def test_uninstall_removes_what_was_installed_and_nothing_else(machine: Machine) -> None:
    mine = {
        machine.profile("3.0") / "plug-ins" / "mine" / "mine.py": "mine",
        machine.data / "jobs" / "1" / "answer.png": "mine",
    }
    for path, text in mine.items():
        path.parent.mkdir(parents=True)
        path.write_text(text)
    before = machine.files()
    machine.run()
    settings = machine.profile("3.0") / "plug-in-settings"
    settings.mkdir()
    draft = settings / "GimpProcedureConfigRun-plug-in-venice-edit.draft"
    draft.write_text('{"prompt": "a secret"}')
    assert draft.exists()
    machine.run("--uninstall")
    settings.rmdir()
    assert machine.files() == before
    assert "Nothing to remove" in machine.run("--uninstall")


def test_uninstall_keeps_a_file_that_somebody_put_beside_the_plug_in(installed: Machine) -> None:
    (installed.plug_in / "notes.txt").write_text("mine")
    assert "notes.txt" in installed.run("--uninstall")
    assert [path.name for path in installed.plug_in.iterdir()] == ["notes.txt"]


def test_uninstall_believes_no_list_that_points_elsewhere(installed: Machine) -> None:
    precious = installed.home / "pictures"
    precious.mkdir()
    path = installed.data / "install.json"
    manifest = json.loads(path.read_text())
    manifest["environments"] += [str(precious), str(installed.data / "worker-x" / ".." / ".." / "pictures")]
    manifest["plug_ins"][str(precious)] = ["a"]
    path.write_text(json.dumps(manifest))
    installed.run("--uninstall")
    assert precious.is_dir()


@pytest.mark.parametrize("kind", ["folder", "link", "file"])
def test_a_plug_in_folder_of_somebody_else_is_refused(machine: Machine, kind: str) -> None:
    machine.plug_in.parent.mkdir(parents=True)
    if kind == "folder":
        machine.plug_in.mkdir()
    elif kind == "file":
        machine.plug_in.write_text("mine")
    else:
        (machine.home / "elsewhere").mkdir()
        (machine.home / "elsewhere" / "worker.json").write_text('{"manifest": 1}')
        machine.plug_in.symlink_to(machine.home / "elsewhere")
    before = machine.files()
    assert "was not created by this installer" in machine.run(status=1)
    assert machine.files() == before


def test_without_gimp_it_says_so_and_installs_nothing(bare: Machine) -> None:
    assert "No GIMP 3 was found" in bare.run(status=1)
    assert bare.files() == {}


def test_the_doctor_says_what_to_do(machine: Machine) -> None:
    sick = machine.run("--doctor", status=1)
    assert "FAIL  Installed    no\n" in sick
    assert "run: python3 install.py" in sick
    machine.run()
    well = machine.run("--doctor")
    assert "FAIL" not in well
    assert "GIMP 3.0.4" in well
    assert "FAIL  GIMP 3.0.4" in machine.run("--doctor", status=1, FAKE_GIMP="broken")


def test_gimp_2_10_gets_its_own_plug_in_beside_that_of_gimp_3(machine: Machine) -> None:
    machine.add_gimp("2.10.34")
    said = machine.run()
    assert "GIMP 3.0.4 has the plug-in" in said
    assert "GIMP 2.10.34 has the plug-in" in said
    names = {path.name for path in machine.plug_in2().iterdir()}
    assert names == {"venice_gimp2.py", "host2.py", "venice_link.py", "venice_task.py", "worker.json"}
    assert (machine.plug_in2() / "venice_gimp2.py").stat().st_mode & 0o777 == 0o755
    assert (machine.plug_in2() / "worker.json").read_text() == machine.worker.read_text()
    machine.run("--uninstall")
    assert not machine.plug_in.exists()
    assert not machine.plug_in2().exists()


def test_gimp_2_10_alone_is_served_and_its_failure_leaves_nothing(bare: Machine) -> None:
    bare.add_gimp("2.10.34")
    bare.profile("2.10").mkdir(parents=True)
    before = bare.files()
    assert "does not list python-fu-venice-edit" in bare.run(status=1, FAKE_GIMP="broken")
    assert bare.files() == before
    assert f"Would add the plug-in: {bare.plug_in2()}" in bare.run("--dry-run")
    assert bare.files() == before
    bare.run()
    assert "FAIL" not in bare.run("--doctor")


def test_what_python_2_compiled_is_ours_too(bare: Machine) -> None:
    bare.add_gimp("2.10.34")
    bare.run()
    names = ("venice_gimp2.pyc", "host2.pyc", "notes.pyc")
    for name in names:
        (bare.plug_in2() / name).touch()
    (bare.checkout / "plug-ins/venice_gimp2/host2.py").unlink()
    bare.run()
    assert [name for name in names if (bare.plug_in2() / name).exists()] == ["notes.pyc"]
    (bare.plug_in2() / "venice_gimp2.pyc").touch()
    assert "did not create it: notes.pyc" in bare.run("--uninstall")


def test_a_profile_of_2_10_whose_gimp_is_not_in_path_gets_the_plug_in(machine: Machine) -> None:
    machine.profile("2.10").mkdir(parents=True)
    machine.profile("2.8").mkdir()
    machine.run()
    assert (machine.plug_in2() / "worker.json").exists()
    assert not list(machine.profile("2.8").iterdir())


def test_a_gimp_2_10_without_python_is_left_as_it_is(machine: Machine) -> None:
    machine.add_gimp("2.10.34")
    said = machine.run(FAKE_GIMP="no-python")
    assert "GIMP 3.0.4 has the plug-in" in said
    assert "gimp-console-2.10) was built without Python" in said
    assert not machine.profile("2.10").exists()
    assert "-     GIMP 2.10.34" in machine.run("--doctor", FAKE_GIMP="no-python")


def test_only_a_gimp_2_10_without_python_is_as_no_gimp(bare: Machine) -> None:
    bare.add_gimp("2.10.34")
    said = bare.run(status=1, FAKE_GIMP="no-python")
    assert "was built without Python" in said
    assert "No GIMP 3 was found" in said
    assert bare.files() == {}
    assert "FAIL  GIMP" in bare.run("--doctor", status=1, FAKE_GIMP="no-python")


def test_a_plug_in_whose_gimp_lost_its_python_is_taken_away(machine: Machine) -> None:
    machine.add_gimp("2.10.34")
    machine.run()
    before = machine.files()
    said = machine.run("--dry-run", FAKE_GIMP="no-python")
    assert f"Would remove the plug-in: {machine.plug_in2()}" in said
    assert machine.files() == before
    machine.run(FAKE_GIMP="no-python")
    assert not machine.plug_in2().exists()
    assert machine.worker.exists()


def test_only_the_profiles_that_variables_name_get_the_plug_in(machine: Machine) -> None:
    machine.add_gimp("2.10.34")
    profile = machine.home / "old profile"
    assert "Using only the profile set in GIMP2_DIRECTORY" in machine.run(GIMP2_DIRECTORY=str(profile))
    assert (profile / "plug-ins" / "venice_gimp2" / "worker.json").exists()
    assert "GIMP2_DIRECTORY must be an absolute path" in machine.run(GIMP2_DIRECTORY="x", status=1)
    other = machine.home / "new profile"
    machine.run(GIMP3_DIRECTORY=str(other))
    assert (other / "plug-ins" / "venice_gimp3" / "worker.json").exists()
    assert not machine.profile("2.10").exists()
    assert not machine.profile("3.0").exists()


def test_the_demo_runs_in_gimp_2_10(bare: Machine) -> None:
    bare.add_gimp("2.10.34")
    photo = bare.checkout / "docs" / "images" / "demo.jpg"
    photo.parent.mkdir(parents=True)
    photo.touch()
    assert "in GIMP 2.10.34" in bare.run("--demo", str(bare.home / "demo"))
    names = {path.name.removeprefix("venice-demo-") for path in (bare.home / "demo").iterdir()}
    assert names == {"before.jpg", "after.png", "cutout.png", "layers.xcf"}


def test_the_demo_gives_gimp_2_10_as_many_arguments_as_the_plug_in_registers() -> None:
    counts = {action: len(arguments) for action, arguments in venice_arguments.ARGUMENTS.items()}
    script = install.Gimp(install.GIMP2, "profile").script("demo")
    calls = re.findall(r"\(python-fu-venice-([a-z-]+) ([^)]*)", script)
    given = {name: len(shlex.split(arguments)) - 3 for name, arguments in calls}  # run-mode, image, drawable
    assert given == {"edit": counts["edit"], "remove-background": counts["cutout"]}


def test_a_program_for_gimp_has_its_values_as_that_language_writes_them() -> None:
    values = {"path": 'Jörg\'s "home"', "sizes": (1, -2)}
    in_script_fu = install.Gimp(install.GIMP2, "profile").script("demo", **values)
    assert in_script_fu.startswith('(define path "Jörg\'s \\"home\\"")\n(define sizes (list 1 -2))\n')
    in_python: dict[str, object] = {}
    script = install.Gimp(install.GIMP3, "profile").script("demo", **values)
    exec(script.partition('"""')[0], in_python)
    assert {name: in_python[name] for name in values} == values


def test_a_run_that_another_one_has_overtaken_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    (tmp_path / "venice-gimp").mkdir()
    late, early = install.Manifest(), install.Manifest()
    with contextlib.ExitStack() as undo:
        early.lock(undo)
        with pytest.raises(install.InstallError, match="Another installation is running"):
            late.lock(undo)
        early.end()
    with contextlib.ExitStack() as undo, pytest.raises(install.InstallError, match="has just ended"):
        late.lock(undo)
    with contextlib.ExitStack() as undo:
        install.Manifest().lock(undo)


def test_run_with_sudo_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "joerg")
    monkeypatch.setattr(sys, "argv", ["install.py", "--dry-run"])
    with pytest.raises(install.InstallError, match="without sudo"):
        install.main()


DEBIAN = """The virtual environment was not created successfully because ensurepip is not
available.  On Debian/Ubuntu systems, you need to install the python3-venv
package using the following command.

    apt install python3.13-venv
"""


def test_a_missing_venv_module_gives_the_command_that_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "run", lambda *_, **__: (1, DEBIAN))
    with pytest.raises(install.InstallError, match=r"(?m)^    sudo apt install python3\.13-venv$"):
        install.make_venv("nowhere", install.LOCK)


def test_old_pythons_can_read_far_enough_to_say_what_is_needed() -> None:
    tree = ast.parse((REPO / "install.py").read_bytes().decode("ascii"), feature_version=(3, 4))
    for node in ast.walk(tree):
        assert not isinstance(node, ast.JoinedStr | ast.AnnAssign | ast.NamedExpr | ast.Nonlocal)
        assert not (isinstance(node, ast.Raise) and node.cause)
        if isinstance(node, ast.List | ast.Tuple):
            assert not any(isinstance(element, ast.Starred) for element in node.elts)
        if isinstance(node, ast.FunctionDef):
            assert node.returns is None
            assert not node.args.kwonlyargs
            assert not any(argument.annotation for argument in node.args.args)


def test_the_real_thing_without_gimp_shows_its_demo_on_the_command_line(bare: Machine) -> None:
    shutil.rmtree(bare.checkout)
    bare.checkout.symlink_to(REPO)
    bare.run("--demo", str(bare.home / "demo"))
    names = {path.name for path in (bare.home / "demo").iterdir()}
    assert {"venice-demo-before.jpg", "venice-demo-after.png", "venice-demo-cutout.png"} <= names
    bare.run("--uninstall")
    assert not bare.environments()
