"""A key held down, a scanner that typed into the wrong field: told in words, and what was typed still stands there."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.forms import Field
from django.test import Client
from django.urls import reverse

from ecard.benefits.admin.fields import MinutesField, PercentField
from ecard.benefits.models import PriceRule
from ecard.merchants.admin.places import ClockField

HELD_DOWN = ("9" * 40, "9" * 5_000, "1e50", "1e999999")


@pytest.mark.parametrize("field", [PercentField(), MinutesField()])
@pytest.mark.parametrize("typed", HELD_DOWN)
def test_a_share_and_minutes_beyond_any_number_are_refused(field: Field, typed: str) -> None:
    with pytest.raises(ValidationError):
        field.clean(typed)


def test_a_time_of_day_with_too_many_digits_is_refused() -> None:
    assert ClockField().clean("6:30") == 390
    for typed in HELD_DOWN:
        with pytest.raises(ValidationError, match="A time of day looks like"):
            ClockField().clean(f"{typed}:30")


def test_a_form_with_such_a_share_comes_back_with_it_and_says_what_is_right(admin: Client) -> None:
    given = {"name": "x", "percent_bp": HELD_DOWN[0], "outlets": "no number", "rounding": "down", "round_to_minor": "1"}
    answer = admin.post(reverse("admin:benefits_pricerule_add"), given)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert f'value="{HELD_DOWN[0]}"' in page
    assert "A share is from 0 to" in page
    assert "is not a valid value" in page
    assert not PriceRule.objects.exists()
