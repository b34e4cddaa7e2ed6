"""The page's icons, drawn here: a card with a code on it. Sizes in pixels."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

from PIL import Image, ImageDraw

SIZES = (180, 192, 512)
OVERSAMPLING = 4
GROUND = (11, 107, 79)
GROUND_DEEP = (8, 76, 57)
PAPER = (255, 255, 255)
MODULES = (
    "#######.#.#",
    "#.....#.##.",
    "#.###.#...#",
    "#.###.#.#.#",
    "#.###.#.##.",
    "#.....#..##",
    "#######.#.#",
    "........##.",
    "##.#.##.#.#",
    ".#.##..#.#.",
    "#.##.#.##.#",
)


@lru_cache(maxsize=2 * len(SIZES))
def icon_png(size: int, *, maskable: bool = False) -> bytes:
    """A square PNG. A maskable one fills its square and keeps the picture in the middle, for any outline."""
    side = size * OVERSAMPLING
    image = Image.new("RGBA", (side, side), (*GROUND, 255) if maskable else (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    if not maskable:
        pen.rounded_rectangle((0, 0, side - 1, side - 1), radius=side * 0.22, fill=GROUND)
    _draw_card(pen, side, share=0.58 if maskable else 0.72)
    drawn = BytesIO()
    image.resize((size, size), Image.Resampling.LANCZOS).save(drawn, "PNG", optimize=True)
    return drawn.getvalue()


def _draw_card(pen: ImageDraw.ImageDraw, side: int, *, share: float) -> None:
    edge = side * (1 - share) / 2
    pen.rounded_rectangle((edge, edge, side - edge, side - edge), radius=side * share * 0.12, fill=PAPER)
    room = side * share * 0.72
    cell = room / len(MODULES)
    start = (side - room) / 2
    for row, line in enumerate(MODULES):
        for column, module in enumerate(line):
            if module == "#":
                left, top = start + column * cell, start + row * cell
                pen.rectangle((left, top, left + cell, top + cell), fill=GROUND_DEEP)
