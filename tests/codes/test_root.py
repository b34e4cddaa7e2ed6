"""The root lives in a file under a passphrase, and signs what was exported to it."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from nacl import pwhash

from devices.core.keys import open_key_list
from ecard.codes import offline, queries, rootfile
from ecard.codes.errors import RootFileError
from ecard.codes.models import KeyRole
from ecard.codes.operations import active_key, ensure_keys, pin_root, rotate
from ecard.codes.rootfile import Cost, make_root, open_root, sign_draft

PASSPHRASE = "correct horse battery"
CHEAP = Cost(passes=pwhash.argon2id.OPSLIMIT_MIN, memory_bytes=pwhash.argon2id.MEMLIMIT_MIN)
AT = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


@pytest.fixture
def root_file(tmp_path: Path) -> Path:
    path = tmp_path / "root.json"
    make_root(path, institution="EC", passphrase=PASSPHRASE, cost=CHEAP)
    return path


def test_the_root_file_is_for_its_owner_only_and_opens_with_the_passphrase(root_file: Path) -> None:
    assert stat.S_IMODE(root_file.stat().st_mode) == 0o600
    assert open_root(root_file, passphrase=PASSPHRASE).public.hex() == json.loads(root_file.read_text())["public"]


def test_a_found_root_file_does_not_open_without_its_passphrase(root_file: Path) -> None:
    with pytest.raises(RootFileError, match="passphrase"):
        open_root(root_file, passphrase="incorrect horse")


def test_a_root_file_is_never_overwritten(root_file: Path) -> None:
    before = root_file.read_bytes()
    with pytest.raises(RootFileError):
        make_root(root_file, institution="EC", passphrase=PASSPHRASE, cost=CHEAP)
    assert root_file.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"public": "00" * 32},
        {"box": "AAAA"},
        {"salt": "AAAA"},
        {"passes": -1},
        {"memory_bytes": 2**50},
        {"memory_bytes": "all"},
    ],
)
def test_a_damaged_root_file_is_named_as_such(root_file: Path, change: dict[str, object]) -> None:
    root_file.write_text(json.dumps(json.loads(root_file.read_text()) | change))
    with pytest.raises(RootFileError):
        open_root(root_file, passphrase=PASSPHRASE)


def test_a_short_passphrase_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RootFileError, match="10 characters"):
        make_root(tmp_path / "root.json", institution="EC", passphrase="short", cost=CHEAP)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"number":1}', b"x" * 100_000])
def test_the_root_signs_nothing_but_a_key_list(root_file: Path, body: bytes) -> None:
    with pytest.raises(RootFileError, match="draft"):
        sign_draft(body, path=root_file, passphrase=PASSPHRASE)


@pytest.mark.django_db
def test_the_root_may_live_on_a_machine_with_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(offline.VARIABLE, PASSPHRASE)
    monkeypatch.setattr(offline, "MODERATE", CHEAP)
    root, draft, signed = (tmp_path / name for name in ("root.json", "draft.json", "list.signed"))
    assert offline.main(["make", "--out", str(root), "--institution", "EC"]) == 0
    public = capsys.readouterr().out.strip()
    call_command("make_root", public=public)
    call_command("make_keys")
    call_command("export_key_list", out=draft)
    assert offline.main(["sign", "--root", str(root), "--in", str(draft), "--out", str(signed)]) == 0
    said = capsys.readouterr().err
    assert "key list 1 of EC" in said
    assert said.count("\n") == 7
    call_command("import_key_list", signed=signed)
    listed = queries.signed_key_list()
    assert listed is not None
    assert open_key_list(listed.data, root_public=bytes.fromhex(public), institution="EC").number == 1


@pytest.mark.django_db
def test_on_one_machine_a_single_command_exports_signs_and_takes_in(
    root_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(offline.VARIABLE, PASSPHRASE)
    pin_root(public=bytes.fromhex(rootfile.read_root(root_file).public), at=AT)
    ensure_keys(at=AT)
    call_command("sign_key_list", root=root_file)
    assert active_key(KeyRole.CODE).key_id == 1
    with pytest.raises(CommandError, match="no key list awaits"):
        call_command("sign_key_list", root=root_file)
    rotate(role=KeyRole.CODE, at=AT, hurried=True)
    monkeypatch.setenv(offline.VARIABLE, "not the passphrase")
    with pytest.raises(CommandError, match="passphrase"):
        call_command("sign_key_list", root=root_file)
    with pytest.raises(CommandError, match="go together"):
        call_command("sign_key_list", root=root_file, out=root_file)


def test_the_tool_says_in_a_sentence_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "missing")
    assert offline.main(["sign", "--root", missing, "--in", missing, "--out", missing]) == 1
    assert "missing" in capsys.readouterr().err
