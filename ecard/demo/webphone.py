"""A phone's browser without the browser: signs in, and fetches codes over the same requests as the page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import date

import httpx
import msgspec

from ecard.demo.phone import DayCode, Phone, new_key

TIMEOUT_S = 30.0


class PhoneFailed(Exception):
    """The server did not let the phone sign in, or gave it no codes; the text says which."""


class Issued(msgspec.Struct, frozen=True):
    """One day's code in the answer."""

    date: str
    credential: str
    not_before_s: int


class Answer(msgspec.Struct, frozen=True):
    """The answer to a request for codes, as far as a phone needs it."""

    institution: str
    credentials: tuple[Issued, ...]


def fetch(url: str, *, number: str, password: str, days: Sequence[date]) -> Phone:
    """Sign in with number and password and have the days' keys signed. Raises PhoneFailed."""
    keys = {day.isoformat(): new_key() for day in days}
    with httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False, headers={"origin": url}) as browser:
        browser.get("/sign-in/")
        form = {"number": number, "password": password, "csrfmiddlewaretoken": _token(browser)}
        signed_in = browser.post("/sign-in/", data=form)
        if signed_in.status_code != httpx.codes.FOUND:
            raise PhoneFailed(f"{number} could not sign in: {signed_in.status_code}")
        asked = {"days": [{"date": day, "public": key.public.hex()} for day, key in keys.items()]}
        answered = browser.post("/api/cardholder/v1/credentials", json=asked, headers={"x-csrftoken": _token(browser)})
        if answered.is_error:
            raise PhoneFailed(f"{number} got no codes: {answered.status_code} {answered.text[:500]}")
    given = msgspec.json.decode(answered.content, type=Answer)
    codes = tuple(
        DayCode(base64.b64decode(each.credential), each.not_before_s, keys[each.date]) for each in given.credentials
    )
    return Phone(given.institution, codes)


def _token(browser: httpx.Client) -> str:
    return browser.cookies.get("csrftoken") or ""
