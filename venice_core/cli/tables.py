"""Tables and amounts on the terminal."""

from __future__ import annotations

import sys

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from venice_core.cli.streams import plain, unfiltered
from venice_core.planning.price import Price
from venice_core.records.spending import dollars

WIDE = 200
"""Characters per line if the output is not a screen."""


def price_text(price: Price | None) -> str:
    return "" if price is None or price.usd is None else dollars(price.usd)


def print_table(heads: tuple[str, ...], rows: list[list[str]], wrapped: int = 1) -> None:
    """Print a table; the last `wrapped` columns share the room that the others leave."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, head in enumerate(heads):
        table.add_column(head, no_wrap=number < len(heads) - wrapped, overflow="fold")
    for row in rows:
        table.add_row(*(escape(plain(cell)) for cell in row))
    width = None if sys.stdout.isatty() else WIDE
    Console(width=width, file=unfiltered(sys.stdout)).print(table)
