"""What the demo prints: steps with their time, the rush as it goes, the verdict, and where everything is."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import qrcode
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from devices.core.money import format_minor
from ecard.demo.rush import Count
from ecard.demo.tally import Tally, Verdict

WIDTH_MAX = 100
PLAIN_EVERY_S = 5.0
FRAME = 4
"""Columns of a panel's own."""


class Show:
    """The demo's console. Where it is no terminal (a file, a pipe), it prints lines and never redraws."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=False)
        if self.console.width > WIDTH_MAX or not self.console.is_terminal:
            self.console.width = WIDTH_MAX

    def say(self, text: str, *, style: str = "") -> None:
        self.console.print(text, style=style, markup=False)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """One line: what is being done, and how long it took."""
        began = time.monotonic()
        if self.console.is_terminal:
            with self.console.status(f"{what} …"):
                yield
        else:
            yield
        self.console.print(f"  [green]✓[/] {what} [dim]{time.monotonic() - began:.1f} s[/]")

    @contextmanager
    def rush(self, count: Count, *, taps: int) -> Iterator[RushView]:
        """The live view of a rush."""
        view = RushView(count, taps=taps)
        if not self.console.is_terminal:
            view.printer = self.console.print
            yield view
            return
        with Live(view, console=self.console, refresh_per_second=8):
            yield view

    def verdict(self, verdict: Verdict, *, tally: Tally) -> None:
        """The rush, read back from the ledger."""
        table = Table(show_header=False, box=None, padding=(0, 2))
        for name, value, good in _lines(verdict):
            table.add_row(name, Text(value, style="bold green" if good else "bold red"))
        refused = ", ".join(f"{why} {number}" for why, number in sorted(tally.declined.items())) or "none"
        notes = f"{tally.taps} taps at {tally.began}; {tally.offline} approved while the line was cut"
        notes += f"\ndeclined: {refused}; pictures not read: {tally.unread}"
        title = (
            "Read back from the ledger: all there, once" if verdict.ok else "READ BACK FROM THE LEDGER: NOT AS SHOWN"
        )
        self.console.print(
            Panel(Group(table, Text(notes, style="dim")), title=title, border_style="green" if verdict.ok else "red")
        )

    def addresses(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Where everything is: (what, address, login). A login that has no room beside its address stands below it."""
        needed = sum(max(map(cell_len, column), default=0) + 2 for column in zip(*rows, strict=True))
        is_wide = needed + FRAME <= self.console.width
        table = Table(show_header=False, box=None, padding=(0, 1))
        table.add_column(no_wrap=is_wide, overflow="fold")
        table.add_column(no_wrap=True)  # an address that is cut off leads nowhere
        for what, address, login in rows:
            shown = Text(address, style="cyan")
            if is_wide:
                table.add_row(what, shown, login)
            else:
                table.add_row(what, Text("\n").join([shown, Text(login)]) if login else shown)
        self.console.print(Panel(table, title="Open in a browser", border_style="cyan"))

    def picture(self, text: str, *, caption: str) -> None:
        """A QR code drawn with characters."""
        code = qrcode.QRCode(border=4)
        code.add_data(text)
        stream = io.StringIO()
        code.print_ascii(out=stream)
        # Its own colours: a code drawn in a dark console's would be a negative.
        self.console.print(Text(stream.getvalue(), style="black on white"))
        self.say(f"  {caption}: {text}")


class RushView:
    """Draws a `Count` whenever it is asked to; `unsent` and `posted` are what was last heard of them."""

    def __init__(self, count: Count, *, taps: int) -> None:
        self._count, self._taps = count, taps
        self.unsent: list[int | None] = []
        self.posted = 0
        self.printer: Callable[[str], None] | None = None
        self._printed_at = 0.0

    def note(self, *, unsent: list[int | None], posted: int) -> None:
        """Take what was just read."""
        self.unsent, self.posted = unsent, posted
        if self.printer is not None and time.monotonic() - self._printed_at >= PLAIN_EVERY_S:
            self._printed_at = time.monotonic()
            self.printer("  " + self._line())

    def __rich__(self) -> RenderableType:
        count = self._count
        figures = Table.grid(expand=True)
        figures.add_row("taps", "approved", "declined", "unsent", "posted", "line", style="dim")
        figures.add_row(
            f"{count.taps}/{self._taps}",
            Text(str(len(count.shown)), style="bold green"),
            str(sum(count.declined.values())),
            self._unsent(),
            Text(str(self.posted), style="bold"),
            Text(count.line, style="bold red" if count.line == "cut" else "green"),
        )
        whole = Table.grid(expand=True, padding=(0, 0, 1, 0))
        whole.add_row(ProgressBar(total=max(1, self._taps), completed=count.taps))
        whole.add_row(figures)
        return Panel(whole, title="Lunch rush", border_style="cyan")

    def _unsent(self) -> str:
        return " + ".join("off" if each is None else str(each) for each in self.unsent) or "0"

    def _line(self) -> str:
        count = self._count
        return (
            f"{count.taps}/{self._taps} taps   {len(count.shown)} approved   {sum(count.declined.values())} declined   "
            f"line {count.line}   unsent {self._unsent()}   posted {self.posted}"
        )


def _lines(verdict: Verdict) -> list[tuple[str, str, bool]]:
    shown, moved = format_minor(verdict.shown_minor), format_minor(verdict.moved_minor)
    if verdict.free_minor:
        shown += f" + {format_minor(verdict.free_minor)} free meals"
    return [
        ("approved by the terminals", f"{verdict.approved}", True),
        ("uploaded", f"{verdict.uploaded}", verdict.uploaded == verdict.approved),
        ("posted", f"{verdict.posted}", verdict.posted == verdict.approved),
        ("lost", f"{verdict.lost}", not verdict.lost),
        ("twice", f"{verdict.twice}", not verdict.twice),
        ("posted otherwise than shown", f"{verdict.altered + verdict.strange}", not verdict.altered + verdict.strange),
        ("evaluated again to other legs", f"{verdict.repriced}", not verdict.repriced),
        ("shown / moved to merchants", f"{shown} / {moved}", verdict.all_moved),
        ("all accounts balance", "yes" if verdict.books_balance else "NO", verdict.books_balance),
    ]
