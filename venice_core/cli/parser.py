"""The arguments of the command line."""

from __future__ import annotations

import argparse
from pathlib import Path

from venice_core.cli.commands import run_listing, run_pictures, run_sandbox, run_worker
from venice_core.job import Output, SelectionUse
from venice_core.version import VERSION


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="venice_core",
        description="Edit images with the Venice image API or any OpenAI-compatible one.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    edit = commands.add_parser("edit", help="edit images from a prompt")
    _add_pictures(edit)
    _add_mask(edit)
    edit.add_argument("-p", "--prompt", required=True, help="what to change")
    _add_references(edit, "a reference image for the model")
    edit.add_argument(
        "--selection",
        choices=[use.value for use in SelectionUse],
        default="guide",
        help="send the mask, apply it only to the result, or ignore it",
    )
    edit.add_argument(
        "--grow", type=int, default=0, metavar="PX", help="grow the mask (negative values shrink it)"
    )
    edit.add_argument(
        "--feather", type=int, default=-1, metavar="PX", help="soften the mask's edge inward (-1: automatic)"
    )
    _add_model_options(edit)
    edit.add_argument(
        "--no-align", dest="align", action="store_false", help="do not correct the result's position"
    )
    edit.add_argument(
        "--no-match-colors",
        dest="match_colors",
        action="store_false",
        help="do not match the result's colors to the source",
    )
    edit.add_argument(
        "--no-blend", dest="blend_seam", action="store_false", help="match colors, but do not blend the seam"
    )
    edit.add_argument(
        "--output",
        choices=[output.value for output in Output],
        default="layer",
        help="the whole result, or only the areas the model changed",
    )
    edit.add_argument(
        "--layer", action="store_true", help="write the result layer and its mask as separate files"
    )
    edit.set_defaults(command=run_pictures, action="edit")

    cutout = commands.add_parser("cutout", help="remove the background from images")
    _add_pictures(cutout)
    _add_mask(cutout)
    cutout.add_argument(
        "--output",
        dest="part",
        choices=["layer", "mask"],
        default="layer",
        help="the cutout, or only its mask",
    )
    cutout.add_argument(
        "--no-defringe",
        dest="defringe",
        action="store_false",
        help="keep the old background's color at the edge",
    )
    cutout.set_defaults(command=run_pictures, action="cutout")

    generate = commands.add_parser("generate", help="generate an image from a prompt")
    generate.add_argument("-o", "--out", type=Path, metavar="OUT", help="a file or a folder")
    generate.add_argument("-p", "--prompt", required=True, help="what to generate")
    generate.add_argument("--negative-prompt", default="", help="what to leave out of the image")
    generate.add_argument("--size", metavar="WxH", help="cover this size without stretching")
    generate.add_argument("--style", default="", help="a style name from `styles`")
    generate.add_argument("--seed", type=int, default=-1, help="reuse a seed for similar results")
    _add_references(generate, "an image whose style to follow")
    generate.add_argument(
        "--reference-strength", type=float, default=0.0, metavar="0.1-1", help="how closely to follow it"
    )
    generate.add_argument(
        "--endpoint", default="", metavar="PATH", help="use /images/generations instead of /image/generate"
    )
    _add_model_options(generate)
    _add_common(generate)
    generate.set_defaults(command=run_pictures, action="generate", input=[])

    upscale = commands.add_parser("upscale", help="enlarge images 2 to 4 times")
    _add_pictures(upscale)
    upscale.add_argument("--scale", type=int, choices=[2, 3, 4], default=2, help="how much to enlarge them")
    upscale.add_argument(
        "--creativity",
        type=float,
        default=0.0,
        metavar="0-0.02",
        help="how much texture the service may invent (0: none)",
    )
    upscale.set_defaults(command=run_pictures, action="upscale")

    models = commands.add_parser("models", help="list models with their prices and limits")
    models.add_argument(
        "--type", choices=["inpaint", "image", "upscale", "all"], default="all", help="list only this type"
    )
    models.add_argument("--traits", action="store_true", help="show which model each trait stands for")
    models.set_defaults(command=run_listing, list="models")
    styles = commands.add_parser("styles", help="list the styles for generated images")
    styles.set_defaults(command=run_listing, list="styles")
    account = commands.add_parser("account", help="test the API key; show balances and today's spending")
    account.add_argument(
        "--daily-limit",
        metavar="USD",
        help="refuse to spend more than this per day; “none” removes the limit",
    )
    account.set_defaults(command=run_listing, list="account")
    for listing in (models, styles, account):
        listing.add_argument("--provider", default="", help="the provider to ask")

    jobs = commands.add_parser("jobs", help="list what was sent, newest first")
    jobs.set_defaults(command=run_listing, list="jobs")
    for listing in (models, styles, account, jobs):
        listing.add_argument("--json", action="store_true", help="print JSON")

    sandbox = commands.add_parser("sandbox", help="run a local stand-in for the service")
    sandbox.add_argument("--port", type=int, default=0, help="0 picks a free port")
    sandbox.add_argument(
        "--switch", action="append", default=[], metavar="NAME=VALUE", help="change how the sandbox responds"
    )
    sandbox.add_argument(
        "--catalogue", type=Path, metavar="FILE", help="the sandbox's models, in the format of GET /models"
    )
    sandbox.set_defaults(command=run_sandbox)

    worker = commands.add_parser("worker", help="serve a front end over standard input and output")
    worker.set_defaults(command=run_worker)
    return parser


def _add_pictures(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input", type=Path, nargs="+", metavar="IN", help="an image; several are processed in turn"
    )
    parser.add_argument(
        "-o", "--out", type=Path, metavar="OUT", help="a file, or a folder for several images"
    )
    _add_common(parser)


def _add_mask(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mask", type=Path, metavar="M.png", help="same size as IN; white = change")
    parser.add_argument(
        "--mask-as-is", action="store_true", help="use the mask's grays unmodified, noise included"
    )
    parser.add_argument(
        "--context",
        type=int,
        default=-1,
        metavar="PX",
        help="how much of the surroundings to send (-1: automatic)",
    )


def _add_references(parser: argparse.ArgumentParser, meaning: str) -> None:
    parser.add_argument("--reference", type=Path, action="append", default=[], metavar="R.png", help=meaning)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="", help="a model's ID or trait (default: the provider's default)")
    parser.add_argument("--variations", type=int, default=1, metavar="N", help="number of results, 1 to 4")
    parser.add_argument(
        "--aspect-ratio", default="", metavar="W:H", help="such as 16:9 (default: the best fit)"
    )
    parser.add_argument("--resolution", default="", help="such as 1K, 2K, or 4K, if the model offers it")
    parser.add_argument("--quality", default="", help="such as low, medium, or high, if the model offers it")
    parser.add_argument(
        "--no-safe-mode", dest="safe_mode", action="store_false", help="do not blur adult content"
    )
    parser.add_argument(
        "--enhance-prompt", action="store_true", help="let the service rewrite the prompt (costs extra)"
    )


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--provider", default="", help="the provider to use (default: the one in Settings)")
    parser.add_argument(
        "--field",
        dest="fields",
        type=_field,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a request field that has no option of its own (see docs/venice-api.md)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would be sent and its price; send nothing"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _field(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"“{text}” is not NAME=VALUE")
    return name, value
