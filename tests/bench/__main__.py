"""`make bench [ONLY=name]`: run the benchmarks, print a table, write bench.json."""

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.figures import Figure
from tests.bench.parts import PARTS, measure


def main() -> int:
    """Run all parts, or those named by --only (comma separated)."""
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__)
    parser.add_argument("--only", default="", help=f"some of: {', '.join(PARTS)}")
    parser.add_argument("--scale", type=float, default=1.0, help="0.1 for a quick look; 1 for the figures that count")
    parser.add_argument("--out", type=Path, default=Path("bench.json"))
    given = parser.parse_args()
    wanted = [name for name in given.only.replace(" ", ",").split(",") if name] or list(PARTS)
    if unknown := sorted(set(wanted) - set(PARTS)):
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    console = Console()
    figures: list[Figure] = []
    for name in wanted:
        with console.status(f"measuring {name} …"):
            figures += measure(name, scale=given.scale)
    console.print(table_of(figures))
    given.out.write_text(json.dumps([as_json(figure) for figure in figures], indent=1) + "\n")
    return 0


def as_json(figure: Figure) -> dict[str, str | float | None]:
    """The stable form in bench.json."""
    return {
        "name": figure.name,
        "value": figure.value,
        "unit": figure.unit,
        "baseline": figure.baseline,
        "ratio": figure.ratio,
    }


def table_of(figures: list[Figure]) -> Table:
    """The same, for a person."""
    table = Table(title="bench")
    table.add_column("figure", overflow="fold")
    for heading in ("value", "unit", "baseline", "ratio"):
        table.add_column(heading, justify="right")
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        baseline = "" if figure.baseline is None else f"{figure.baseline:,.3f}"
        table.add_row(figure.name, f"{figure.value:,.3f}", figure.unit, baseline, ratio)
    return table


if __name__ == "__main__":
    sys.exit(main())
