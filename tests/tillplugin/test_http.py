"""The register's side over HTTP: what it is told, and who may not press it."""

from __future__ import annotations

import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from devices.drivers.extras import MissingExtra
from devices.drivers.keyfile import KeyFileError
from devices.drivers.randomness import SystemRandomness
from devices.till.http import HOST, TOKEN_FILE, TillServer, token_of
from tests.docs.blocks import blocks
from tests.tillplugin.conftest import Register, Shop


def test_a_register_sells_waits_and_reverses(register: Register) -> None:
    asked = register.sell("R-1001", 12_50)
    assert asked.status_code == 201
    assert asked.json()["state"] == "waiting"
    answer = register.waiting("R-1001", version=asked.json()["version"])
    register.shop.tap()
    told = answer().json()
    assert (told["state"], told["amount_minor"], told["paid_minor"]) == ("approved", 12_50, 12_50)
    assert told["sentence"]["en"] == "Paid ¥12.50"
    assert register.sell("R-1001", 12_50).status_code == 200
    refused = register.sell("R-1001", 13_00)
    assert (refused.status_code, refused.json()["error"]) == (409, "other_amount")
    assert register.post("/sales/R-1001/reverse").json()["state"] == "reversed"
    assert register.state("R-1001") == "reversed"
    assert register.shop.told() == ["sale 1250 R-1001", "reversal 2 register"]


def test_an_amount_may_be_sent_as_people_write_it(register: Register) -> None:
    asked = register.http.post("/sales", json={"order": "R-1", "amount": "¥12.5"})
    assert asked.json()["amount_minor"] == 12_50
    assert register.http.get("/").json() == {"ready": True, "waiting": "R-1"}
    assert register.post("/sales/R-1/cancel").json()["state"] == "cancelled"


@pytest.mark.parametrize(
    "body",
    [
        {"order": "R-1"},
        {"order": "R-1", "amount": "12", "amount_minor": 1200},
        {"order": "R-1", "amount": "twelve"},
        {"order": "R-1", "amount_minor": 12.5},
        {"order": "R-1", "amount_minor": True},
        {"order": "R 1", "amount_minor": 100},
        {"order": "R-1", "amount_minor": 100, "tip": 5},
        {"order": "R-1", "amount_minor": 100, "amount": None, "x": "y" * 3000},
        [],
    ],
    ids=["none", "both", "words", "fraction", "yes", "space", "more", "long", "list"],
)
def test_what_is_no_sale_is_refused_and_nothing_waits(register: Register, body: object) -> None:
    assert register.http.post("/sales", json=body).status_code == 400
    assert register.http.get("/").json()["waiting"] == ""


def test_refusals_have_a_word_and_a_status(register: Register) -> None:
    register.sell("R-1", 1_00)
    busy = register.sell("R-2", 1_00)
    assert (busy.status_code, busy.json()["error"]) == (409, "busy")
    assert register.http.get("/sales/R-9").status_code == 404
    assert register.post("/sales/R-1/reverse").status_code == 409
    assert register.http.get("/sales/R-1?wait_s=x").status_code == 400
    assert register.http.get("/sales/R-1?wait_s=9999").status_code == 400


# Who may not press it


def test_another_web_page_cannot_press_the_till(register: Register) -> None:
    """A page open in a browser on the same machine: a form, a script, a preflight, even one that knew the token."""
    body = {"order": "R-1", "amount_minor": 100}
    plain = httpx.Client(base_url=register.url, trust_env=False)
    form = plain.post("/sales", content=b'{"order":"R-1","amount_minor":100}', headers={"Content-Type": "text/plain"})
    assert form.status_code == 401
    script = register.http.post("/sales", json=body, headers={"Origin": "http://evil.example"})
    assert script.status_code == 403
    same_machine = register.http.post("/sales", json=body, headers={"Origin": register.url})
    assert same_machine.status_code == 403
    fetched = register.http.get("/sales/R-1", headers={"Sec-Fetch-Site": "cross-site"})
    assert fetched.status_code == 403
    preflight = register.http.options("/sales", headers={"Origin": "http://evil.example"})
    for answer in (form, script, same_machine, fetched, preflight):
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    form_with_token = register.http.post("/sales", content=b"{}", headers={"Content-Type": "text/plain"})
    assert form_with_token.status_code == 415
    assert register.http.get("/").json()["waiting"] == ""
    plain.close()


def test_a_name_bound_to_this_machine_by_a_false_dns_cannot_press_the_till(register: Register) -> None:
    answer = register.http.get("/", headers={"Host": f"till.evil.example:{register.server.port}"})
    assert answer.status_code == 403


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer " + "0" * 64, "Basic " + "0" * 64])
def test_a_program_without_the_token_cannot_press_the_till(register: Register, token: str) -> None:
    answer = httpx.get(register.url, headers={"Authorization": token} if token else {}, trust_env=False)
    assert answer.status_code == 401


def test_the_till_is_reached_from_this_machine_alone(register: Register) -> None:
    assert HOST == "127.0.0.1"
    other = socket.socket()
    other.settimeout(2)
    with other, pytest.raises(OSError, match=r"refused|unreachable|timed out"):
        other.connect(("127.0.0.2", register.server.port))


def test_a_port_that_is_taken_is_said(register: Register) -> None:
    with pytest.raises(OSError, match="in use"):
        TillServer(register.shop.desk, token=register.token, port=register.server.port)


def test_the_token_is_its_owners_alone(tmp_path: Path) -> None:
    token = token_of(tmp_path, SystemRandomness())
    file = tmp_path / TOKEN_FILE
    assert re.fullmatch("[0-9a-f]{64}", token)
    assert file.read_text() == token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token_of(tmp_path, SystemRandomness()) == token
    file.chmod(0o644)
    with pytest.raises(KeyFileError):
        token_of(tmp_path, SystemRandomness())


def test_a_missing_extra_is_said_with_the_command_that_brings_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingExtra, match=r"pip install .*\[http\]"):
        TillServer(shop.desk, token="0" * 64, port=0)


def test_the_pages_curl_example_sells(register: Register) -> None:
    (script,) = blocks("devices/TILL.md", "sh")
    script = script.replace("http://127.0.0.1:7200", register.url)
    script = script.replace("/var/lib/ecard-terminal", str(register.shop.bench.folder))
    process = subprocess.Popen(["bash", "-euo", "pipefail", "-c", script], stdout=subprocess.PIPE, text=True)
    while not register.http.get("/").json()["waiting"]:
        assert process.poll() is None
    register.shop.tap()
    told, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert '"state":"approved"' in told
    assert '"state":"reversed"' in told
    assert register.shop.told() == ["sale 1250 R-1001", "reversal 2 register"]
