"""Codes a second out of the issuing operations, with their checks and commits, beside bare Ed25519 signatures."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

from devices.core.signing import CODE_DOMAIN, SEED_BYTES, SigningKey
from tests.bench import stage
from tests.bench.figures import Figure

if TYPE_CHECKING:
    from ecard.cardholders.models import Cardholder

NAME = "issue"
RUNS = 3
PHONES = 200
HOSTS = 20
DAYS = 8
HOURS = 72
BARE = 20_000
MESSAGE_BYTES = 72
KEY_BYTES = 32


def run(*, scale: float = 1.0) -> list[Figure]:
    """Each call draws what a phone or a host asks for at once: 8 days' credentials, or 72 hours of slots."""
    phones, hosts = max(10, int(PHONES * scale)), max(2, int(HOSTS * scale))
    with stage.full_campus(people=RUNS * (phones + hosts), merchants=1):
        from ecard.cardholders.models import Cardholder as Person

        everybody = list(Person.objects.order_by("pk"))
        bare = [_bare_rate(max(1_000, int(BARE * scale))) for _run in range(RUNS)]
        bound = [_rate(everybody[run::RUNS][:phones], _device_bound) for run in range(RUNS)]
        signed = [_rate(everybody[run::RUNS][phones:], _pre_signed) for run in range(RUNS)]
    baseline = median(bare)
    return [
        Figure(name="issue.device_bound.codes_per_s", value=median(bound), unit="1/s", baseline=baseline),
        Figure(name="issue.pre_signed.codes_per_s", value=median(signed), unit="1/s", baseline=baseline),
    ]


def _rate(people: list[Cardholder], issue: Callable[[Cardholder], int]) -> float:
    began = time.perf_counter()
    codes = sum(issue(each) for each in people)
    return codes / (time.perf_counter() - began)


def _device_bound(cardholder: Cardholder) -> int:
    """The phone makes its keys, not the server: here they are any bytes."""
    from ecard.codes.operations import issue_credentials

    today = (stage.NOON + timedelta(hours=8)).date()
    days = [(today + timedelta(days=ahead), secrets.token_bytes(KEY_BYTES)) for ahead in range(DAYS)]
    return len(issue_credentials(cardholder=cardholder, days=days, at=stage.NOON))


def _pre_signed(cardholder: Cardholder) -> int:
    from ecard.codes.operations import issue_pre_signed

    return len(issue_pre_signed(cardholder=cardholder, from_=stage.NOON, hours=HOURS, at=stage.NOON))


def _bare_rate(count: int) -> float:
    key, message = SigningKey(secrets.token_bytes(SEED_BYTES)), secrets.token_bytes(MESSAGE_BYTES)
    began = time.perf_counter()
    for _each in range(count):
        key.sign(CODE_DOMAIN, message)
    return count / (time.perf_counter() - began)
