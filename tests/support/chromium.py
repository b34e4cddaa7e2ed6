"""Finds a Chromium for the browser tests, or installs Debian's where that is allowed.

`python -m tests.support.chromium` does it up front and prints where it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PACKAGES = ("chromium", "fonts-noto-cjk")
INSTALL_TIMEOUT_S = 1200
INSTRUCTION = (
    "The browser tests need Chromium, and none was found. Install it (Debian, Ubuntu: "
    "`sudo apt-get install chromium fonts-noto-cjk`), or name one: `make test CHROMIUM=/path/to/chromium`."
)
SAFE_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class ChromiumMissing(Exception):
    """There is no Chromium and it may not be installed; the text says what to do."""


def find() -> Path | None:
    """The Chromium named by CHROMIUM, else the first on the path."""
    named = os.environ.get("CHROMIUM")
    if named:
        if not Path(named).is_file():
            raise ChromiumMissing(f"CHROMIUM names {named}, which is not there.")
        return Path(named)
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return Path(found) if found else None


def find_or_install() -> Path:
    """As `find`, after installing Debian's package where this is root and apt is at hand."""
    found = find()
    if found:
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ChromiumMissing(INSTRUCTION)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        for command in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
            subprocess.run(["apt-get", "-q", *command], check=True, env=environment, timeout=INSTALL_TIMEOUT_S)
    except (subprocess.SubprocessError, OSError) as error:
        raise ChromiumMissing(f"{INSTRUCTION} (apt-get: {error})") from error
    found = find()
    if not found:
        raise ChromiumMissing(INSTRUCTION)
    return found


if __name__ == "__main__":
    try:
        print(f"Chromium: {find_or_install()}")
    except ChromiumMissing as missing:
        sys.exit(str(missing))
