"""Who gets a programme, how much of it and when, and how it ends: what no policy carries, but every preview tells."""

from __future__ import annotations

from collections.abc import Mapping

from devices.core.policy import Who
from ecard.benefits.compiler.rows import text_of
from ecard.benefits.models import Ends, Programme, Schedule
from ecard.benefits.sentences.terms import Terms


def terms_of(programme: Programme) -> Terms:
    """From the row, its `for_groups` as prefetched and its list and sponsor as selected."""
    return Terms(
        for_whom=Who(
            groups=tuple(sorted(group.pk for group in programme.for_groups.all())),
            lists=(programme.for_list_id,) if programme.for_list_id else (),
        ),
        attributes=attributes_of_programme(programme),
        amount_minor=programme.amount_minor or 0,
        pieces=programme.pieces,
        schedule=Schedule(programme.schedule),
        schedule_day=programme.schedule_day,
        schedule_dates=tuple(sorted(programme.schedule_dates)),
        ends=Ends(programme.ends),
        ends_days=programme.ends_days or 0,
        ends_on=programme.ends_on,
        rollover_cap_minor=programme.rollover_cap_minor or 0,
        transferable=programme.transferable,
        sponsor=text_of(programme.sponsor),
    )


def attributes_of_programme(programme: Programme) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Attribute → the values asked for. Whatever JSON stands there: what is no attribute with values is left out."""
    stored: object = programme.for_attributes
    if not isinstance(stored, Mapping):
        return ()
    return tuple(
        (str(name), tuple(str(value) for value in (values if isinstance(values, list | tuple) else [values])))
        for name, values in sorted(stored.items(), key=lambda item: str(item[0]))
    )
