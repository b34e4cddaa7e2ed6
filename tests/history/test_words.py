"""Values of rules as people write them, not in the units that they are kept in."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import Model
from django.utils import translation

from ecard.benefits.models import AgeStep, Programme, SpendLimit
from ecard.history.words import title_of, value_words
from ecard.merchants.models import MealPeriod, Site


@pytest.mark.parametrize(
    ("model", "name", "value", "told"),
    [
        (Programme, "percent_bp", 8_750, ("Share of the price, %", "87.5 %")),
        (Programme, "schedule_dates", ["2026-12-24"], ("On the dates", "24 Dec 2026")),
        (Programme, "ends_on", "2027-01-31", ("On", "31 Jan 2027")),
        (SpendLimit, "min_gap_s", 90, ("Time since the last sale", "90 seconds")),
        (SpendLimit, "min_gap_s", 600, ("Time since the last sale", "10 minutes")),
        (AgeStep, "up_to_s", 7 * 86_400, ("Data no older than", "7 days")),
        (MealPeriod, "start_minute", 630, ("From", "10:30")),
        (Site, "day_starts_minute", 240, ("Day starts at", "04:00")),
    ],
)
def test_shares_times_and_dates_are_told_as_people_write_them(
    model: type[Model], name: str, value: Any, told: tuple[str, str]
) -> None:
    field: Any = model._meta.get_field(name)
    with translation.override("en"):
        assert (title_of(field), value_words(field, value, {})) == told


def test_a_time_and_a_date_are_told_in_chinese_too() -> None:
    step: Any = AgeStep._meta.get_field("up_to_s")
    ends: Any = Programme._meta.get_field("ends_on")
    with translation.override("zh-hans"):
        assert (value_words(step, 3_600, {}), value_words(ends, "2027-01-31", {})) == ("1 小时", "2027年1月31日")
