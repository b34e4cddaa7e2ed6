"""How the tests come by a browser: named, found, installed where that is allowed, or asked for in plain words."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import chromium


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with nothing on its path."""
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put(folder: Path, name: str) -> Path:
    program = folder / name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def test_the_browser_on_the_path_is_taken(bare: Path) -> None:
    there = put(bare, "google-chrome")
    assert chromium.find_or_install() == there


def test_the_browser_that_is_named_goes_first(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bare, "chromium")
    mine = put(bare, "my-own")
    monkeypatch.setenv("CHROMIUM", str(mine))
    assert chromium.find_or_install() == mine


def test_a_named_browser_that_is_not_there_is_told_and_not_passed_over(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bare, "chromium")
    monkeypatch.setenv("CHROMIUM", str(bare / "gone"))
    with pytest.raises(chromium.ChromiumMissing, match="gone, which is not there"):
        chromium.find_or_install()


def test_an_ordinary_user_without_a_browser_is_told_what_to_do(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bare, "apt-get")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(chromium.ChromiumMissing, match="sudo apt-get install chromium"):
        chromium.find_or_install()


def test_root_gets_debians_package_with_a_chinese_font(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bare, "apt-get")
    ran: list[list[str]] = []

    def install(command: list[str], **_options: Any) -> subprocess.CompletedProcess[bytes]:
        ran.append(command)
        if "install" in command:
            put(bare, "chromium")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("subprocess.run", install)
    assert chromium.find_or_install() == bare / "chromium"
    assert [command[2] for command in ran] == ["update", "install"]
    assert {"chromium", "fonts-noto-cjk"} <= set(ran[1])


def test_an_installation_that_fails_ends_in_the_same_advice(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bare, "apt-get")

    def refuse(command: list[str], **_options: Any) -> None:
        raise subprocess.CalledProcessError(100, command)

    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("subprocess.run", refuse)
    with pytest.raises(chromium.ChromiumMissing, match="or name one: `make test CHROMIUM="):
        chromium.find_or_install()
