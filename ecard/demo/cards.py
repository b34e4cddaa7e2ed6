"""Plastic cards of some of the demo's people, to be laid on a simulated reader."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

from ecard.cardholders.models import Cardholder, Group
from ecard.media.models import Card
from ecard.media.operations import bind_card

MAKER = b"\x04"
"""What a real card's number of seven bytes begins with."""
CARDS_OF_A_GROUP = 3
GROUPS_MAX = 10


def demo_uid(number: str) -> bytes:
    """The number of the card that the demo gives to the cardholder of this number: always the same."""
    return MAKER + blake2b(number.encode(), digest_size=6, person=b"ecard.demo").digest()


def give_cards(*, at: datetime) -> None:
    """A card each to the first people of each group; whoever has or had a card keeps what was made of it."""
    for cardholder in holders():
        if not Card.objects.filter(cardholder=cardholder).exists():
            bind_card(cardholder=cardholder, uid=demo_uid(cardholder.number), by=None, at=at)


def holders() -> Sequence[Cardholder]:
    """Who has a card in the demo."""
    found: list[Cardholder] = []
    for group in Group.objects.order_by("pk")[:GROUPS_MAX]:
        found += Cardholder.objects.filter(group=group).order_by("number")[:CARDS_OF_A_GROUP]
    return found


def write_cards(path: Path) -> None:
    """Tell the simulated readers which cards there are."""
    told = [{"number": each.number, "name": each.name, "uid": demo_uid(each.number).hex()} for each in holders()]
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n")
    fresh.rename(path)  # devices are reading it
