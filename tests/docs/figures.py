"""`python -m tests.docs.figures`: put bench.json into the README's table, each figure beside its baseline and goal.

Rows of parts that the run did not take stay as they are.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from tests.docs.blocks import ROOT

BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
HEAD = "| figure | measured | unit | baseline, same run | ratio | goal |\n|---|---:|---|---:|---:|---|"
GOALS = {
    "terminal.decision.median_ms": "≤ 3 × baseline",
    "terminal.decision.p99_ms": "< 12",
    "tap.whole.median_ms": "≤ 500",
    "posting.sales_per_s": "≥ 30,000",
    "page.code_open_ms": "≤ 300",
    "policy.evaluate.median_us": "≤ 60",
    "policy.evaluate.growth": "(10 × the rules)",
    "subsidy.run_50k_s": "≤ 3",
    "rehearse.month_1m_sales_s": "≤ 90",
    "rehearse.rss_mb": "≤ 500",
    "snapshot.full.ready_s": "≤ 5",
    "snapshot.full.bytes": "≤ 10 MB",
    "snapshot.delta_100_ms": "≤ 200",
    "sdk.rss_mb": "≤ 150",
    "online.posted_reaches_others_s": "≤ 2",
    "lists.newest_ms": "(10 million sales; baseline 100,000)",
}


def rows(figures: list[dict[str, str | float | None]]) -> dict[str, str]:
    """The rows of bench.json as Markdown, by name."""
    told = {}
    for figure in figures:
        name, unit = str(figure["name"]), str(figure["unit"])
        value, baseline, ratio = (_number(figure[key]) for key in ("value", "baseline", "ratio"))
        told[name] = f"| `{name}` | {value} | {unit} | {baseline} | {ratio} | {GOALS.get(name, '')} |"
    return told


def filled(page: str, figures: list[dict[str, str | float | None]]) -> str:
    """The page with these figures in its table: those it had in their place, new ones at the end."""
    found = re.search(f"{BEGIN}(.*?){END}", page, flags=re.DOTALL)
    before = re.findall(r"^(\| `([^`]+)` .*)$", found[1], flags=re.MULTILINE) if found else []
    table = "\n".join(({name: row for row, name in before} | rows(figures)).values())
    return re.sub(f"{BEGIN}.*?{END}", lambda _found: f"{BEGIN}\n{HEAD}\n{table}\n{END}", page, flags=re.DOTALL)


def _number(value: str | float | None) -> str:
    if value is None:
        return ""
    number = float(value)
    size = abs(number)
    return f"{number:,.0f}" if size >= 100 or number == int(number) else f"{number:,.{1 if size >= 10 else 2}f}"


def main() -> int:
    """Rewrite README.md."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs.figures", description=__doc__)
    parser.add_argument("--bench", type=Path, default=ROOT / "bench.json")
    given = parser.parse_args()
    if not given.bench.exists():
        print(f"{given.bench.name} is not there; `make bench` writes it", file=sys.stderr)
        return 1
    readme = ROOT / "README.md"
    readme.write_text(filled(readme.read_text(encoding="utf-8"), json.loads(given.bench.read_text())), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
