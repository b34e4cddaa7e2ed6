"""The page's scripts, tested by Node's own runner, so that one command runs everything."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 120


def test_the_scripts_hold_to_the_shared_vectors_and_their_own_tests() -> None:
    beside = Path(sys.executable).with_name("node")
    node = str(beside) if beside.exists() else shutil.which("node")
    assert node, "no Node: run `make build`, which brings one"
    files = sorted(str(path) for path in (ROOT / "tests" / "portal" / "js").glob("*.test.js"))
    assert files
    ran = subprocess.run(
        [node, "--test", "--test-reporter=spec", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
