"""README.md: every command exists with the options it is given, every example runs, every picture and link is there."""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command, get_commands, load_command_class
from django.utils import timezone
from PIL import Image

from devices.core.accept import Genuine, read
from ecard.cardholders.operations import link_user
from ecard.codes import offline
from ecard.codes.queries import signed_key_list, trust_at
from ecard.merchants.operations import save_meal_period
from ecard.settings import env
from tests.docs import figures
from tests.docs.blocks import ROOT, blocks
from tests.support.settling import make_world

PAGE = "README.md"
PYTHON = ".venv/bin/python"
PICTURES = ROOT / "ecard" / "adr" / "pictures"
MOST_PICTURE_BYTES = 1_500_000
MAKE_FLAGS = {
    "ONCE=1": "--once",
    "LAN=1": "--lan",
    "ONLY=posting": "--only posting",
    "ARGS=tests/core -q": "tests/core -q",
}
"""What a variable of the page adds to the recipe."""
CEREMONY = "ecard.codes.offline make"


@dataclass(frozen=True)
class Line:
    """One line of a block: its words, and the variable that takes what it prints."""

    words: tuple[str, ...]
    into: str = ""


def commands() -> list[Line]:
    return [_line(line) for block in blocks(PAGE, "sh") for line in block.splitlines() if line.strip()]


def _line(text: str) -> Line:
    captured = re.fullmatch(r"(\w+)=\$\((.+)\)", text)
    return Line(tuple(shlex.split(captured[2])), captured[1]) if captured else Line(tuple(shlex.split(text)))


def readme() -> str:
    return (ROOT / PAGE).read_text(encoding="utf-8")


@pytest.mark.parametrize("line", commands(), ids=lambda line: " ".join(line.words)[:60])
def test_every_command_exists_with_its_options(line: Line) -> None:
    program, *rest = line.words
    if program == "make":
        _make_knows(rest)
    elif rest[0] == "manage.py":
        _django_knows(rest[1], rest[2:])
    else:
        assert (program, rest[0]) == (PYTHON, "-m")
        _module_knows(rest[1], rest[2:])


def _make_knows(words: list[str]) -> None:
    """The target has a recipe, which uses every variable it is given."""
    makefile = (ROOT / "Makefile").read_text()
    target, *settings = words
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    for setting in settings:
        name, _, _value = setting.partition("=")
        assert f"$({name})" in makefile or f"({name})" in makefile
    recipe = ["make", "--dry-run", *words]
    told = subprocess.run(recipe, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    for asked, flag in MAKE_FLAGS.items():
        assert (flag in told) == (asked in settings)


def _django_knows(name: str, options: list[str]) -> None:
    command = load_command_class(str(get_commands()[name]), name)
    known = command.create_parser("manage.py", name).format_help()
    assert [option for option in options if option.startswith("--") and option not in known] == []


def _module_knows(module: str, options: list[str]) -> None:
    wanted = [word for word in options if word.startswith("--")]
    told = ""
    # Celery and the offline root have their options below a word of their own.
    for words in ([], [word for word in options if word in ("worker", "beat", "make", "sign")]):
        command = [sys.executable, "-m", module, *(["-A", "ecard"] if module == "celery" else []), *words, "--help"]
        shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
        told += shown.stdout
    assert [option for option in wanted if option not in told] == []


def test_the_root_ceremony_of_the_page_puts_a_key_list_in_force(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(offline.VARIABLE, "a passphrase of a test")
    (block,) = [each for each in blocks(PAGE, "sh") if CEREMONY in each]
    known: dict[str, str] = {}
    for line in map(_line, block.splitlines()):
        words = [known.get(word.removeprefix("$"), word) for word in line.words]
        capsys.readouterr()
        if words[1:3] == ["-m", "ecard.codes.offline"]:
            assert offline.main(words[3:]) == 0
        else:
            call_command(*words[2:])
        if line.into:
            known[line.into] = capsys.readouterr().out.strip()
    listed = signed_key_list()
    assert listed is not None
    assert trust_at(timezone.now()).keys.number == 1


@pytest.fixture
def host(site: str) -> Iterator[dict[str, str]]:
    cache.clear()
    world = make_world(at=timezone.now())
    for name, start, end in (("morning", 0, 630), ("late", 810, 1_440)):
        save_meal_period(
            site=world.campus.site, code=name, name=name, start_minute=start, end_minute=end, at=timezone.now()
        )
    person = world.person(0)
    user = User.objects.create_user(username=person.number, password="lunch at noon 26")
    link_user(cardholder=person, user=user, at=timezone.now())
    yield {"server": site, "number": person.number, "password": "lunch at noon 26"}
    cache.clear()


def test_the_integrators_example_fetches_codes_that_a_terminal_takes(host: dict[str, str], tmp_path: Path) -> None:
    (example,) = blocks(PAGE, "python")
    script = tmp_path / "example.py"
    script.write_text(example)
    made = runpy.run_path(str(script), init_globals=host)
    assert len(made["codes"]) >= 60
    for code in made["codes"]:
        taken = read(code["text"], trust=trust_at(timezone.now()), now_s=code["not_before_s"])
        assert isinstance(taken, Genuine)
    assert isinstance(made["answer"], httpx.Response)


def test_every_picture_is_there_small_and_told_in_words() -> None:
    shown = re.findall(r'<img src="([^"]+)" width="\d+" alt="([^"]{10,})">', readme())
    assert len(shown) == readme().count("<img ")
    for source, _words in shown:
        with Image.open(ROOT / source) as picture:
            assert picture.width >= 400
    taken = {path.name for path in PICTURES.iterdir()}
    assert taken == {Path(source).name for source, _words in shown}
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < MOST_PICTURE_BYTES


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", readme())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_setting_of_production_is_one_the_server_reads() -> None:
    named = set(re.findall(r"`((?:ECARD|DATABASE)_[A-Z_]+?)(?:=1)?`", readme()))
    source = Path(env.__file__).read_text(encoding="utf-8")
    known = set(re.findall(r'"((?:ECARD|DATABASE)_[A-Z_]+)"', source))
    assert named == known


def test_what_the_page_says_the_demo_prints_is_what_it_prints() -> None:
    printer = (ROOT / "ecard/demo/console.py").read_text(encoding="utf-8")
    (shown,) = [each for each in blocks(PAGE, "text") if "✓ PostgreSQL" in each]
    labels = re.findall(r"^│   (.+?)  +\S", shown, re.MULTILINE)
    assert len(labels) > 5
    assert [label for label in labels if f'"{label}"' not in printer] == []


def test_the_figures_table_is_made_from_a_bench_run() -> None:
    run: list[dict[str, str | float | None]] = [
        {"name": "posting.sales_per_s", "value": 41_234.5, "unit": "1/s", "baseline": 80_000.0, "ratio": 0.515},
        {"name": "scan.rate.plain", "value": 1.0, "unit": "share", "baseline": None, "ratio": None},
    ]
    page = f"before\n{figures.BEGIN}\nold\n{figures.END}\nafter"
    told = figures.filled(page, run)
    assert "| `posting.sales_per_s` | 41,234 | 1/s | 80,000 | 0.52 | ≥ 30,000 |" in told
    assert "| `scan.rate.plain` | 1 | share |  |  |  |" in told
    assert "old" not in told
    assert figures.filled(told, run) == told
    assert figures.BEGIN in readme()


def test_every_goal_is_of_a_figure_that_the_bench_takes() -> None:
    bench = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests/bench").glob("*.py"))
    assert [name for name in figures.GOALS if f'"{name}"' not in bench] == []
