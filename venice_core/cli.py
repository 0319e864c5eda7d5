"""The command line: `python -m venice_core COMMAND …`.

Exit codes are those of `errors.ExitCode`. With `--json` one object is printed; people's words go to
standard error.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from venice_core.errors import BadInput, ExitCode, VeniceError, unusable
from venice_core.interrupts import Interrupts
from venice_core.job import Output, SelectionUse
from venice_core.logs import logging_to
from venice_core.messages import sentence
from venice_core.settings import Folders, provider_for_people
from venice_core.terminal import forgiving
from venice_core.version import VERSION

log = logging.getLogger(__name__)

LOG = "command-line.log"


def main(argv: Sequence[str] | None = None, env: Mapping[str, str] | None = None) -> int:
    """Runs one command and returns its exit code. Whatever happens, the terminal shows no traceback."""
    env = os.environ if env is None else env
    with forgiving():
        return _main(argv, env)


def _main(argv: Sequence[str] | None, env: Mapping[str, str]) -> int:
    arguments = _parser().parse_args(argv)
    try:
        # the worker has a log of its own
        return _worker(arguments, env) if arguments.command is _worker else _run(arguments, env)
    except KeyboardInterrupt:
        return ExitCode.CANCELLED


def _run(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    try:
        path = Folders.of(env).logs / LOG
        with logging_to(path):
            try:
                return int(arguments.command(arguments, env))
            except VeniceError:
                raise
            except OSError as error:
                log.exception("a command failed")
                raise unusable(error) from error
            except Exception as error:
                log.exception("a command failed")
                raise VeniceError(f"details are in {path}") from error
    except VeniceError as error:
        failure = error
    from venice_core.cli_report import described

    text = sentence(failure, provider_for_people(getattr(arguments, "provider", ""), env))
    if getattr(arguments, "json", False):
        print(json.dumps({"exit": int(failure.exit_code), "results": [], "error": described(failure, text)}))
    print(text, file=sys.stderr)
    return failure.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="venice_core",
        description="Edit pictures with the Venice image API, or one that is compatible with OpenAI's.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    edit = commands.add_parser("edit", help="edit pictures by a prompt")
    _add_pictures(edit)
    _add_mask(edit)
    edit.add_argument("-p", "--prompt", required=True, help="what to change")
    _add_references(edit, "a further picture for the model")
    edit.add_argument("--selection", choices=[use.value for use in SelectionUse], default="guide")
    edit.add_argument("--grow", type=int, default=0, metavar="PX", help="grow the mask (negative: shrink)")
    edit.add_argument(
        "--feather", type=int, default=-1, metavar="PX", help="soften the mask inwards (-1: automatic)"
    )
    _add_model_options(edit)
    edit.add_argument(
        "--no-align", dest="align", action="store_false", help="leave the result where the service put it"
    )
    edit.add_argument(
        "--no-match-colors", dest="match_colors", action="store_false", help="leave its colours as they are"
    )
    edit.add_argument(
        "--no-blend", dest="blend_seam", action="store_false", help="match them, but leave the seam as it is"
    )
    edit.add_argument(
        "--output",
        choices=[output.value for output in Output],
        default="layer",
        help="all of the result, or only what the model really changed",
    )
    edit.add_argument("--layer", action="store_true", help="write the result layer and its mask apart")
    edit.set_defaults(command=_pictures, action="edit")

    cutout = commands.add_parser("cutout", help="remove the background of pictures")
    _add_pictures(cutout)
    _add_mask(cutout)
    cutout.add_argument(
        "--output",
        dest="part",
        choices=["layer", "mask"],
        default="layer",
        help="a cut-out, or its mask alone",
    )
    cutout.add_argument("--no-defringe", dest="defringe", action="store_false")
    cutout.set_defaults(command=_pictures, action="cutout")

    generate = commands.add_parser("generate", help="make a picture from a prompt")
    generate.add_argument("-o", "--out", type=Path, metavar="OUT", help="a file, or a folder")
    generate.add_argument("-p", "--prompt", required=True, help="what to make")
    generate.add_argument("--negative-prompt", default="", help="what not to make")
    generate.add_argument("--size", metavar="WxH", help="fit the picture to this size, without stretching")
    generate.add_argument("--style", default="", help="one of those that `styles` lists")
    generate.add_argument("--seed", type=int, default=-1, help="the same one gives similar results")
    _add_references(generate, "a picture whose style to follow")
    generate.add_argument("--reference-strength", type=float, default=0.0, metavar="0.1-1")
    generate.add_argument(
        "--endpoint", default="", metavar="PATH", help="/images/generations instead of /image/generate"
    )
    _add_model_options(generate)
    _add_common(generate)
    generate.set_defaults(command=_pictures, action="generate", input=[])

    upscale = commands.add_parser("upscale", help="make pictures 2 to 4 times as large")
    _add_pictures(upscale)
    upscale.add_argument("--scale", type=int, choices=[2, 3, 4], default=2)
    upscale.add_argument(
        "--creativity",
        type=float,
        default=0.0,
        metavar="0-0.02",
        help="how much detail may be invented (0: none)",
    )
    upscale.set_defaults(command=_pictures, action="upscale")

    models = commands.add_parser("models", help="list the models with their prices and limits")
    models.add_argument("--type", choices=["inpaint", "image", "upscale", "all"], default="all")
    models.add_argument("--traits", action="store_true", help="which models are the service's default, …")
    models.set_defaults(command=_lists, list="models")
    styles = commands.add_parser("styles", help="list the styles of generated pictures")
    styles.set_defaults(command=_lists, list="styles")
    account = commands.add_parser("account", help="test the key; balances, and what was spent today")
    account.add_argument(
        "--daily-limit", metavar="USD", help="refuse to spend more in a day; “none” takes the limit away"
    )
    account.set_defaults(command=_lists, list="account")
    for listing in (models, styles, account):
        listing.add_argument("--provider", default="")

    jobs = commands.add_parser("jobs", help="list what was sent, newest first")
    jobs.set_defaults(command=_lists, list="jobs")
    for listing in (models, styles, account, jobs):
        listing.add_argument("--json", action="store_true")

    sandbox = commands.add_parser("sandbox", help="run a stand-in for the service on this machine")
    sandbox.add_argument("--port", type=int, default=0, help="0 takes a free one")
    sandbox.add_argument(
        "--switch", action="append", default=[], metavar="NAME=VALUE", help="change how it answers"
    )
    sandbox.add_argument(
        "--catalogue", type=Path, metavar="FILE", help="its list of models, as GET /models answers it"
    )
    sandbox.set_defaults(command=_sandbox)

    worker = commands.add_parser("worker", help="serve a front end on standard input and output")
    worker.set_defaults(command=_worker)
    return parser


def _add_pictures(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input", type=Path, nargs="+", metavar="IN", help="a picture; several are done in turn"
    )
    parser.add_argument(
        "-o", "--out", type=Path, metavar="OUT", help="a file, or a folder for several pictures"
    )
    _add_common(parser)


def _add_mask(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mask", type=Path, metavar="M.png", help="same size as IN; white = change")
    parser.add_argument(
        "--mask-as-is", action="store_true", help="take its grays as they stand, noise and all"
    )
    parser.add_argument(
        "--context", type=int, default=-1, metavar="PX", help="surroundings to send (-1: automatic)"
    )


def _add_references(parser: argparse.ArgumentParser, meaning: str) -> None:
    parser.add_argument("--reference", type=Path, action="append", default=[], metavar="R.png", help=meaning)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="", help="a model's id or trait (default: the provider's)")
    parser.add_argument("--variations", type=int, default=1, metavar="N", help="how many results, 1 to 4")
    parser.add_argument("--aspect-ratio", default="", metavar="W:H")
    parser.add_argument("--resolution", default="", help="such as 1K, 2K, 4K, as the model offers it")
    parser.add_argument("--quality", default="", help="such as low, medium, high, as the model offers it")
    parser.add_argument("--no-safe-mode", dest="safe_mode", action="store_false")
    parser.add_argument(
        "--enhance-prompt", action="store_true", help="let the service rewrite the prompt (costs more)"
    )


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--provider", default="")
    parser.add_argument(
        "--field",
        dest="fields",
        type=_field,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a field of the request that has no option of its own (see docs/)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be sent and its price, send nothing"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _field(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"“{text}” is not NAME=VALUE")
    return name, value


def _pictures(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    with Interrupts() as interrupts:
        from venice_core import cli_jobs

        return cli_jobs.run(arguments, env, interrupts)


def _lists(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from venice_core import cli_lists

    return cli_lists.show(arguments, env)


def _sandbox(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from venice_core.sandbox import DIALECTS, Sandbox, parse_setting

    try:
        catalogue = json.loads(arguments.catalogue.read_text("utf-8")) if arguments.catalogue else None
        switches = dict(parse_setting(text) for text in arguments.switch)
        sandbox = Sandbox(arguments.port, switches, catalogue).start()
    except (ValueError, OverflowError, OSError) as error:
        raise BadInput(f"The sandbox cannot start: {error}.") from error
    print(f"VENICE_BASE_URL={sandbox.url}", flush=True)
    for name in DIALECTS:
        print(f"{name.upper().replace('-', '_')}_BASE_URL={sandbox.url_for(name)}", flush=True)
    print("Any key will do. Ctrl-C ends it.", file=sys.stderr, flush=True)
    sandbox.serve_forever()
    return 0


def _worker(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from venice_core import worker

    worker.main(env)
    return 0
