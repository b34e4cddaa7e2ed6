"""Money is an integer number of minor units (fen); these are the only places that read or write it as text."""

import re

MINOR_PER_UNIT = 100
MAX_AMOUNT_MINOR = 100_000_00
"""No single amount a terminal or a form accepts may exceed this (100,000.00)."""

_TYPED = re.compile(r"(?:¥|￥)?(\d{1,6})(?:\.(\d{1,2}))?", re.ASCII)


class AmountError(ValueError):
    """The person typed something that is not an amount; `args[0]` says what is accepted."""


def parse_amount(text: str) -> int:
    """Read "12", "12.5" or "¥12.50" as minor units. Raises AmountError for anything else."""
    found = _TYPED.fullmatch(text.strip())
    if found is None:
        raise AmountError("an amount looks like 12 or 12.50")
    amount_minor = int(found[1]) * MINOR_PER_UNIT + int((found[2] or "").ljust(2, "0"))
    if amount_minor > MAX_AMOUNT_MINOR:
        raise AmountError(f"an amount is at most {format_minor(MAX_AMOUNT_MINOR)}")
    return amount_minor


def format_minor(amount_minor: int, *, symbol: str = "¥") -> str:
    """Write minor units as "¥12.50"; a negative amount gets its sign before the symbol."""
    sign = "-" if amount_minor < 0 else ""
    units, rest = divmod(abs(amount_minor), MINOR_PER_UNIT)
    return f"{sign}{symbol}{units:,}.{rest:02d}"


def scale_bp(amount_minor: int, percent_bp: int) -> int:
    """Scale a non-negative amount by basis points (10,000 = 100 %), halves rounded up."""
    return (amount_minor * percent_bp + 5_000) // 10_000
