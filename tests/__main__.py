"""Run the tests, in an environment of their own that is made when it is missing.

  python3 tests                       everything that this computer can run
  python3 tests unit contract -k fit  some groups, with options for pytest
  python3 tests tests/unit/test_x.py  some files
  python3 tests check                 lint, format, types, layers and shell scripts only
  python3 tests covers                write into the documents which tests show what they say
  python3 tests bench                 print the benchmarks; with --quick in their smallest form
  python3 tests bench fidelity -h     one of them, with options

Groups: check unit contract link install gimp2 gimp3 gui. The last two need GIMP 3 and are left out, with a
word about it, where there is none; gimp2 needs nothing, but has more to do where there are GIMP 2.10 and
Python 2.7. With VENICE_TEST_HOSTS=gimp3, gimp2 or required (both) what is missing is a failure instead.
VENICE_TEST_LONG=1 runs also what is marked as long, and more examples; `.ci/run long` does it everywhere.
Groups run side by side, in as many processes as there are processors, at least two; files do not.
An option for pytest decides otherwise, such as -n 4, or -n 0 to see what a test prints, or --pdb.
The environment is made in .cache of the checkout (or VENICE_TEST_ENV) from tests/requirements.lock.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPO = HERE.parent
sys.path.insert(0, str(REPO))
sys.dont_write_bytecode = True

import install  # it also has the sentence for a Python that is too old

LOCK = HERE / "requirements.lock"
GROUPS = ["check", "unit", "contract", "link", "install", "gimp2", "gimp3", "gui"]
WITH_GIMP = ["gimp3", "gui"]
# Each process goes through its part in order, so that what is dear (a GIMP) is started once in it, if at all.
SIDE_BY_SIDE = ["-n", "auto", "--dist", "worksteal"]
BENCH = "import runpy, sys; sys.argv.pop(0); sys.exit(runpy.run_path(sys.argv[0])['main']())"


def environment_folder():
    """Where the environment is or may be made: outside, when the checkout cannot be written."""
    if os.environ.get("VENICE_TEST_ENV"):
        return Path(os.environ["VENICE_TEST_ENV"]).absolute()
    digest = hashlib.sha256(LOCK.read_bytes() + os.path.realpath(sys.executable).encode()).hexdigest()[:12]
    cache = REPO / ".cache"
    if not os.access(cache if cache.is_dir() else REPO, os.W_OK):
        cache = Path(tempfile.gettempdir(), f"venice-gimp-tests-{os.getuid()}")
        cache.mkdir(mode=0o700, exist_ok=True)
        if cache.is_symlink() or cache.stat().st_uid != os.getuid():
            raise install.InstallError(f"{cache} belongs to somebody else.")
    return cache / f"tests-env-{sys.version_info[0]}.{sys.version_info[1]}-{digest}"


def make_environment(env):
    """Made aside and renamed, so that it is whole or not there."""
    print(f"Making the tests' environment in {env} (a minute or two)...", flush=True)
    env.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f"{env.name}.", dir=env.parent))
    try:
        install.make_venv(str(aside), str(LOCK))
        with contextlib.suppress(OSError):  # another run was faster
            aside.rename(env)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def paths_of(groups):
    """The files and folders of the groups, without those that cannot run here."""
    if set(groups) & set(WITH_GIMP) and not install.Gimp.in_path(install.GIMP3):
        if os.environ.get("VENICE_TEST_HOSTS") in ("required", "gimp3"):
            raise install.InstallError("GIMP 3 is required (VENICE_TEST_HOSTS) and was not found.")
        print("Left out, because there is no GIMP 3 here:", ", ".join(WITH_GIMP), flush=True)
        groups = [group for group in groups if group not in WITH_GIMP]
    paths = [HERE / ("checks.py" if group == "check" else group) for group in groups]
    return [str(path.relative_to(REPO)) for path in paths if path.exists()]


def main(arguments):
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    env = environment_folder()
    python = install.python_of(str(env))
    if not Path(python).exists():
        make_environment(env)
    variables = {**os.environ, "PYTHONPATH": str(REPO)}
    variables.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    variables.setdefault("MYPY_CACHE_DIR", str(env / "mypy-cache"))
    variables.setdefault("PYTEST_XDIST_AUTO_NUM_WORKERS", str(max(os.cpu_count() or 1, 2)))
    if os.environ.get("VENICE_TEST_LONG"):
        variables.setdefault("PYTEST_TIMEOUT", "3600")
    if arguments[:1] == ["bench"]:
        paths, options = sorted((HERE / "bench").glob("*.py")), arguments[1:]
        if options and (HERE / "bench" / f"{options[0]}.py") in paths:
            paths = [HERE / "bench" / f"{options.pop(0)}.py"]
        runs = [[python, "-c", BENCH, str(path), *options] for path in paths]
        return max([subprocess.call(command, cwd=REPO, env=variables) for command in runs], default=0)
    if arguments[:1] == ["covers"]:
        return subprocess.call(
            [python, str(HERE / "helpers" / "covers.py"), *arguments[1:]], cwd=REPO, env=variables
        )
    groups = []
    while arguments and arguments[0] in GROUPS:
        groups.append(arguments.pop(0))
    named = any((REPO / argument.partition("::")[0]).exists() for argument in arguments)
    paths = [] if named and not groups else paths_of(groups or GROUPS)
    if not paths and not named:
        print("Nothing to run.")
        return 1
    command = [python, "-m", "pytest", "-o", f"cache_dir={env / 'pytest-cache'}"]
    command += [] if named and not groups else SIDE_BY_SIDE
    return subprocess.call([*command, *paths, *arguments], cwd=REPO, env=variables)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except install.InstallError as problem:
        sys.exit(f"\n{problem}")
    except KeyboardInterrupt:
        sys.exit(130)
