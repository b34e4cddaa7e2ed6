"""The design tokens keep WCAG AA: 4.5 for text, 3 for what is not text, in light and dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).parents[2] / "devices" / "design" / "tokens.css"
TEXT = 4.5
GRAPHICS = 3.0

PAIRS = [
    *[("--ink", ground, TEXT) for ground in ("--paper", "--ground", "--brand-soft")],
    *[("--ink", f"--{tone}-soft", TEXT) for tone in ("yes", "no", "warn", "info")],
    *[("--ink-soft", ground, TEXT) for ground in ("--paper", "--ground", "--brand-soft")],
    *[("--brand-strong", ground, TEXT) for ground in ("--paper", "--ground", "--brand-soft", "--info-soft")],
    ("--on-brand", "--brand", TEXT),
    ("--on-brand", "--brand-strong", TEXT),
    ("--on-pass", "--pass", TEXT),
    ("--on-pass", "--pass-top", TEXT),
    ("--scan-ink", "--scan", TEXT),
    ("--pass", "--scan", TEXT),
    ("--paper", "--no", TEXT),
    *[(f"--{tone}", f"--{tone}-soft", TEXT) for tone in ("yes", "no", "warn", "info")],
    *[(f"--{tone}", "--paper", TEXT) for tone in ("yes", "no", "warn", "info")],
    ("--info", "--ground", GRAPHICS),
    ("--ink-soft", "--paper", GRAPHICS),
]


def tokens(theme: str) -> dict[str, str]:
    text = TOKENS.read_text(encoding="utf-8")
    light, dark = text.split("@media (prefers-color-scheme: dark)", maxsplit=1)
    found = dict(re.findall(r"(--[\w-]+):\s*(#[0-9a-f]{6})", light))
    if theme == "dark":
        found |= dict(re.findall(r"(--[\w-]+):\s*(#[0-9a-f]{6})", dark))
    return found


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground", "least"), PAIRS)
def test_a_colour_can_be_read_on_its_ground(theme: str, ink: str, ground: str, least: float) -> None:
    colours = tokens(theme)
    assert contrast(colours[ink], colours[ground]) >= least


def test_contrast_is_computed_as_wcag_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_code_stands_on_white_in_every_theme(theme: str) -> None:
    assert tokens(theme)["--scan"] == "#ffffff"
    assert tokens(theme)["--scan-ink"] == "#000000"
