"""The other terminals of a site, as each is told: whom to believe on the LAN, and what is known of their sales."""

from __future__ import annotations

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from devices.core.messages import Peer, PostedThrough
from devices.lan.messages import MAX_ENDS
from ecard.terminals.models import Stream, Terminal, TerminalState

PEERS_LIMIT = 64
"""Neighbours of one terminal; of a larger site the first ones by number."""


def peers_of(terminal: Terminal) -> tuple[Peer, ...]:
    """The active terminals of its site without itself; a revoked one is no neighbour from the next snapshot on.

    Each one's newest epochs are with it, as far as the funds of this moment contain them.
    """
    found = Terminal.objects.filter(outlet__site=terminal.outlet.site_id, state=TerminalState.ACTIVE)
    others = list(found.exclude(pk=terminal.pk).order_by("pk").values_list("pk", "public_key")[:PEERS_LIMIT])
    ranked = (
        Stream.objects.filter(terminal__in=[number for number, _key in others], posted_through__gt=0)
        .annotate(place=Window(RowNumber(), partition_by=F("terminal"), order_by=F("id").desc()))
        .filter(place__lte=MAX_ENDS)
    )
    posted: dict[int, list[PostedThrough]] = {}
    for number, epoch, seq in ranked.values_list("terminal", "epoch", "posted_through"):
        posted.setdefault(number, []).append(PostedThrough(epoch, seq))
    return tuple(Peer(number, key or "", tuple(posted.get(number, ()))) for number, key in others)
