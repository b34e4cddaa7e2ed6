"""The server's side of the demo, in this process and by the real operations. Imported once Django is set up."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from random import Random, SystemRandom
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from devices.master.screen import Phase
from ecard.cardholders.models import Cardholder, CardholderState
from ecard.celery import app
from ecard.codes.operations import issue_credentials
from ecard.codes.queries import issuing_zone
from ecard.demo import campus, cards, ceremony, place
from ecard.demo.console import RushView, Show
from ecard.demo.device import Device
from ecard.demo.fleet import TILLS
from ecard.demo.options import Options
from ecard.demo.phone import DayCode, Phone, new_key
from ecard.demo.process import ProgramFailed
from ecard.demo.readback import marks, read_back, spans_since
from ecard.demo.rush import Count, plan, play, screen_of, wait_until
from ecard.demo.tally import Tally, keep, kept
from ecard.demo.webphone import fetch
from ecard.settlement.models import Batch, Sale
from ecard.terminals.operations import invite

UPLOAD_TIMEOUT_S = 180.0
RUSHES_CHECKED = 5
PING_S = 1.0


def prepare(options: Options, kept_secrets: Mapping[str, str]) -> bool:
    """Keys, campus and policy, where they are missing; False where all was there."""
    now = timezone.now()
    ceremony.hold(root_file=options.state / "root.json", passphrase=kept_secrets[place.ROOT_VARIABLE], at=now)
    passwords = {login: place.password_of(login, kept_secrets) for login in place.LOGINS}
    made = campus.seed(people=options.people, passwords=passwords, at=now, bare=options.bare)
    campus.equip(at=now)
    campus.appoint(place.pins(kept_secrets), at=now)
    cards.give_cards(at=now)
    cards.write_cards(options.state / place.CARDS)
    return made


def wait_for_worker(*, timeout_s: float, watch: Callable[[], None]) -> None:
    """Return when Celery's worker answers; `watch` is called meanwhile. Raises ProgramFailed."""
    deadline = time.monotonic() + timeout_s
    while not app.control.ping(timeout=PING_S):
        watch()
        if time.monotonic() > deadline:
            raise ProgramFailed("the worker does not answer; see its log")


def enrol(devices: Sequence[Device], *, timeout_s: float) -> None:
    """Invite and enrol what is not enrolled, and wait until all would sell. Raises DeviceFailed or ProgramFailed."""
    for device, terminal in zip(devices, campus.terminals(), strict=True):
        if screen_of(device).phase is Phase.UNENROLLED:
            device.enrol(invite(terminal=terminal, by=None, at=timezone.now()).code)
    for device in devices:
        device.set_line("pass")
        if not wait_until(device.is_up_to_date, timeout_s=timeout_s, watch=_nothing):
            raise ProgramFailed(f"the terminal at {device.url} did not get ready: {device.screen()}")


def rush(
    options: Options, kept_secrets: Mapping[str, str], ports: place.Ports, devices: Sequence[Device], show: Show
) -> int:
    """Play a lunch rush and read it back; gives the exit status."""
    earlier = _check_kept(options, show)
    began = timezone.now()
    draw_from = SystemRandom()
    with show.step(f"{options.taps} phones fetch the codes of the day"):
        phones = _signed_in_phones(kept_secrets, ports, at=began)
        phones += _phones(options.taps - len(phones), draw_from=draw_from, at=began)
    tills = {terminal.pk for terminal in campus.terminals()[:TILLS]}
    before = marks(tills)
    last_batch = Batch.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    count = Count()
    with show.rush(count, taps=options.taps) as view:

        def watch() -> None:
            _watch(view, devices, last_batch=last_batch)

        play(
            plan(phones, taps=options.taps, terminals=len(devices), draw_from=draw_from),
            devices=devices,
            count=count,
            now_s=lambda: int(time.time()),
            watch=watch,
        )
        wait_until(
            lambda: _all_sent(devices) and view.posted >= len(count.shown), timeout_s=UPLOAD_TIMEOUT_S, watch=watch
        )
    tally = Tally(
        began=began.isoformat(timespec="seconds"),
        taps=count.taps,
        shown=tuple(count.shown),
        declined=dict(count.declined),
        unread=count.unread,
        offline=count.offline,
        spans=spans_since(before, tills),
    )
    keep(tally, folder=options.state / "rushes")
    verdict = read_back(tally)
    show.verdict(verdict, tally=tally)
    return 0 if verdict.ok and not earlier else 1


def check(options: Options, show: Show) -> int:
    """Read the rushes kept back from the ledger; gives the exit status."""
    return _check_kept(options, show)


def _check_kept(options: Options, show: Show) -> int:
    wrong = 0
    for tally in kept(options.state / "rushes", limit=RUSHES_CHECKED):
        verdict = read_back(tally)
        if verdict.ok:
            show.say(f"  the rush of {tally.began}: {verdict.posted} sales, all there, once", style="dim")
        else:
            wrong = 1
            show.verdict(verdict, tally=tally)
    return wrong


def _signed_in_phones(kept_secrets: Mapping[str, str], ports: place.Ports, *, at: datetime) -> list[Phone]:
    """The phones of the demo's logins, which sign in and fetch their codes as any browser does."""
    url = f"http://{place.LOOPBACK}:{ports.web}"
    return [
        fetch(url, number=login.number, password=place.password_of(login.role, kept_secrets), days=_days(at))
        for login in campus.logins()
        if login.role not in campus.OFFICE
    ]


@transaction.atomic
def _phones(number: int, *, draw_from: Random, at: datetime) -> list[Phone]:
    """Phones of other people drawn at random, their keys signed by the same operation without the web server.

    One transaction: it is one crowd, and 500 commits would take longer than the lunch.
    """
    active = Cardholder.objects.filter(state=CardholderState.ACTIVE, user__isnull=True)
    refs = list(active.order_by("pk").values_list("pk", flat=True))
    chosen = Cardholder.objects.in_bulk(draw_from.sample(refs, max(0, min(number, len(refs)))))
    phones = []
    for cardholder in chosen.values():
        keys = {day: new_key() for day in _days(at)}
        issued = issue_credentials(cardholder=cardholder, days=[(day, key.public) for day, key in keys.items()], at=at)
        days = tuple(DayCode(each.credential, each.not_before_s, keys[each.date]) for each in issued)
        phones.append(Phone(settings.ECARD_INSTITUTION, days))
    return phones


def _days(at: datetime) -> list[date]:
    """Today and tomorrow where codes are issued: a rush may pass midnight."""
    today = at.astimezone(ZoneInfo(issuing_zone())).date()
    return [today, today + timedelta(days=1)]


def _watch(view: RushView, devices: Sequence[Device], *, last_batch: int) -> None:
    screens = [device.screen() for device in devices]
    view.note(
        unsent=[screen.unsent if screen else None for screen in screens],
        posted=Sale.objects.filter(batch_id__gt=last_batch).count(),
    )


def _all_sent(devices: Sequence[Device]) -> bool:
    screens = [device.screen() for device in devices]
    return all(screen is not None and screen.unsent == 0 for screen in screens)


def _nothing() -> None:
    """What to do while waiting without a view."""
