"""What the pages say in passing, in numbers and lists, is what the code does."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter

import pytest

from devices.cabinet.conformance import __main__ as conformance
from devices.core.money import MAX_AMOUNT_MINOR
from devices.decode import SOFTWARE as DECODER
from devices.journal.values import Limits
from devices.lan.neighbours import CLAIM_TIMES, HAVE_EVERY_MS, LIVELY_MS, REPEAT_AFTER_MS
from devices.master.drift import CRYSTAL_PER_MS, LEAST_PEOPLE, MOST_MS, STEP_EVERY_MS, STEP_MS
from devices.supervisor.lockout import shut_out_until_ms
from devices.terminal import SOFTWARE as TERMINAL
from devices.till.app import MAX_WAIT_S
from devices.till.desk import LAPSE_MS
from devices.till.sales import MAX_ORDER
from ecard.demo.campus import _CANTEENS
from ecard.demo.options import PEOPLE_DEFAULT, TAPS_DEFAULT
from ecard.office.gallery.setups import SETUPS
from ecard.office.roles import ROLES
from tests.docs.blocks import ROOT

DAY_MS = 24 * 3600 * 1000
MOST_INPUTS = 12
"""A dozen."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def said(page: str) -> str:
    """The page as one line, so that a sentence is found wherever it is broken."""
    return " ".join((ROOT / page).read_text(encoding="utf-8").split())


def test_the_layers_of_the_readme_are_those_that_are_checked() -> None:
    _before, _words, rest = said("README.md").partition("lower never imports higher: ")
    drawn = [set(layer.strip().split(", ")) for layer in rest.partition(" devices/ ")[0].split("→")]
    (contract,) = [each for each in PROJECT["tool"]["importlinter"]["contracts"] if each["type"] == "layers"]
    checked = [set(layer.split(" | ")) for layer in contract["layers"]]
    assert drawn == checked[:-1], "all but the tools at the bottom"


def test_the_ready_made_roles_are_those_of_the_readme() -> None:
    told = re.search(r"Roles \(([\w, ]+)\) are ready-made", said("README.md"))
    assert told
    assert told[1].split(", ") == [role.name.split(" · ")[1].lower() for role in ROLES]


def test_a_template_has_as_many_inputs_as_the_readme_says_at_most() -> None:
    assert "Each is at most a dozen inputs" in said("README.md")
    assert {setup.key for setup in SETUPS if len(setup.form.base_fields) > MOST_INPUTS} == set()


def test_the_demo_is_as_large_as_the_readme_says() -> None:
    outlets = sum(len(windows) for *_names, windows in _CANTEENS)
    told = said("README.md")
    assert (
        f"({PEOPLE_DEFAULT:,} people with their cards, {len(_CANTEENS) - 1} canteens and a gym, {outlets} out" in told
    )
    assert f"a lunch rush of {TAPS_DEFAULT} taps" in told


def test_the_page_of_a_bank_is_as_short_as_the_readme_says() -> None:
    assert "A page of some 50 lines" in said("README.md")
    assert 40 <= len((ROOT / "ecard/portal/js/plain.js").read_text(encoding="utf-8").splitlines()) <= 60


def test_the_kinds_that_the_sdks_page_counts_are_all_there_are() -> None:
    """Whatever has the three calls of a kind."""
    kinds = [
        node.name
        for path in (ROOT / "devices").rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
        and {"prepare", "facts", "after"} <= {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
    ]
    assert sorted(kinds) == ["Bus", "Cabinet", "Desk", "Gate", "Kind", "Plain", "Weighing"]
    assert "Six kinds are there" in said("devices/README.md")


@pytest.mark.parametrize("software", [TERMINAL, DECODER])
def test_a_device_names_the_release_that_it_is(software: str) -> None:
    assert software.partition("/")[2] == PROJECT["project"]["version"]


@pytest.mark.parametrize("example", ["gate", "verify"])
def test_an_example_started_without_its_words_says_how(example: str) -> None:
    command = [sys.executable, "-m", f"devices.examples.{example}", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert f"python -m devices.examples.{example} FOLDER SERVER" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_option_of_the_cabinets_test_is_on_its_page() -> None:
    known = {option for action in conformance._parser()._actions for option in action.option_strings}
    page = (ROOT / "devices/CABINET.md").read_text(encoding="utf-8").partition("## The test for makers")[2]
    assert set(re.findall(r"`(--[\w-]+)`", page)) == known - {"-h", "--help", "--port"}


def test_a_supervisors_pin_is_guessed_at_no_faster_than_the_threats_say() -> None:
    days: Counter[int] = Counter()
    at_ms = wrong = 0
    while (at_ms := max(at_ms, shut_out_until_ms(wrong, at_ms))) < 30 * DAY_MS:
        days[at_ms // DAY_MS] += 1
        wrong += 1
    week = sum(days[day] for day in range(7))
    assert f"{days[0]} guesses of a million on the first day, {week} in the first week, then one a day" in said(
        "ecard/adr/threats.md"
    )
    assert {days[day] for day in range(7, 30)} == {1}


def test_the_numbers_of_endurance_are_the_codes() -> None:
    limits = Limits()
    for sentence in (
        f"({limits.reserve_bytes >> 20} MiB, `Limits.reserve_bytes`)",
        f"reaches its bound ({limits.max_file_bytes >> 30} GiB)",
        f"| {limits.max_unacknowledged:,} sales unacknowledged |",
        f"{limits.spare_for_reversals:,} more places are for reversals and notes",
        f"and each day for {limits.unposted_keep_ms // DAY_MS}, what no signed snapshot names",
        f"a crowd of at least {LEAST_PEOPLE} people that agree corrects it, by {STEP_MS / 1000:g} s in ten minutes",
        f"never by more than {1_000_000 // CRYSTAL_PER_MS} ppm since the server last told the time",
        f"nor {MOST_MS // 1000} s; the window of codes",
    ):
        assert sentence in said("devices/ENDURANCE.md")
    assert STEP_EVERY_MS == 10 * 60 * 1000


def test_the_numbers_of_the_till_are_the_codes() -> None:
    for sentence in (
        f"1 to {MAX_ORDER} printable ASCII characters",
        f"cancelled {LAPSE_MS // 1000} s after the register last asked",
        f"1 to {MAX_AMOUNT_MINOR:,} minor units",
        f"(at most {MAX_WAIT_S:.0f})",
        f"at least {Limits().keep_ms // DAY_MS} days",
    ):
        assert sentence in said("devices/TILL.md")
    assert f"over {MAX_AMOUNT_MINOR:,}, the most that one sale takes" in said("devices/CABINET.md")


def test_how_often_neighbours_speak_is_as_the_protocol_says() -> None:
    first, second = REPEAT_AFTER_MS
    for sentence in (
        f"each sale goes out at once, then after {first} ms and {second} ms",
        f"every {HAVE_EVERY_MS // 1000} s (±25 %) each says `have`",
        f"Where no neighbour was heard for {LIVELY_MS // 1000} s nothing is waited for",
        f"the claim is said {('', 'once', 'twice', 'three times')[CLAIM_TIMES]} within it",
    ):
        assert sentence in said("devices/PROTOCOL.md")
