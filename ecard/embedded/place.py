"""Where an engine's files live, and who owns them.

An ordinary user keeps all in the data folder. PostgreSQL refuses to run as root, and a checkout
may stand under a folder only root may enter (0700 /root): so for root the programs and the
cluster go to a folder under /var/lib that an unprivileged user owns, and the data folder keeps
the passwords and that folder's name. No parent folder is opened to others, no user is added.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ecard.embedded.errors import EngineError
from ecard.embedded.processes import running_inside

UNPRIVILEGED_USERS = ("postgres", "nobody", "daemon")
ROOT_FOLDERS = (Path("/var/lib"), Path("/var/tmp"), Path("/tmp"))  # noqa: S108  (fixed names made 0755, root's own)
ROOT_FOLDER_NAME = "ecard-embedded"
# sun_path holds 107 bytes, of which PostgreSQL's socket name takes 17.
SOCKET_FOLDER_MAX_BYTES = 88


@dataclass(frozen=True, slots=True)
class Place:
    """`home` is owned by `uid`, mode 0700; `uid` is None where the server runs as this user."""

    home: Path
    uid: int | None
    gid: int | None


def settle(data_dir: Path) -> Place:
    """The place that belongs to `data_dir`, made on first use and found again after."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.geteuid() != 0:
        home = data_dir / "home"
        home.mkdir(exist_ok=True, mode=0o700)
        return Place(home=home, uid=None, gid=None)
    noted = data_dir / "home.json"
    if noted.is_file():
        home = Path(json.loads(noted.read_text())["home"])
        if home.is_dir():
            owner = home.stat()
            return Place(home=home, uid=owner.st_uid, gid=owner.st_gid)
    key = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]
    _sweep(root_folder(), key)
    user = _unprivileged_user()
    home = root_folder() / f"{key}-{secrets.token_hex(4)}"
    home.mkdir(mode=0o700)
    os.chown(home, user.pw_uid, user.pw_gid)
    (home / "belongs-to").write_text(str(data_dir.resolve()))
    write_private(noted, json.dumps({"home": str(home)}))
    return Place(home=home, uid=user.pw_uid, gid=user.pw_gid)


def abandon(data_dir: Path) -> None:
    """Delete everything `settle` made for `data_dir`, and `data_dir` itself."""
    noted = data_dir / "home.json"
    if noted.is_file():
        home = Path(json.loads(noted.read_text())["home"])
        if home.parent.name == ROOT_FOLDER_NAME:
            shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(data_dir, ignore_errors=True)


def programs(place: Place, package_dir: Path, *, version: str) -> Path:
    """The wheel's program folder where the server's user can run it.

    Root's own copy is made once for each version; nobody but root may write there.
    """
    if place.uid is None:
        return package_dir / "pginstall" / "bin"
    engine = root_folder() / f"engine-{version}"
    if not engine.is_dir():
        fresh = Path(tempfile.mkdtemp(prefix="engine-", dir=root_folder()))
        leave_out = shutil.ignore_patterns("include", "*.a", "__pycache__", "pgxs", "pkgconfig", "doc")
        shutil.copytree(package_dir, fresh / package_dir.name, ignore=leave_out, symlinks=True)
        libraries = package_dir.with_name(package_dir.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        _open_for_reading(fresh)
        try:
            fresh.rename(engine)
        except OSError:  # another process was first with the same copy
            shutil.rmtree(fresh, ignore_errors=True)
    return engine / package_dir.name / "pginstall" / "bin"


def socket_folder(place: Place) -> Path:
    """A private folder whose path is short enough for a socket's address."""
    folder = place.home / "run"
    if len(os.fsencode(folder)) <= SOCKET_FOLDER_MAX_BYTES:
        folder.mkdir(exist_ok=True, mode=0o700)
    else:
        folder = Path(tempfile.mkdtemp(prefix="ecard-"))
    give(folder, place)
    return folder


def give(path: Path, place: Place) -> None:
    """Hand a file or folder to the server's user."""
    if place.uid is not None and place.gid is not None:
        os.chown(path, place.uid, place.gid)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, complete or not at all."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    fresh.replace(path)


def root_folder() -> Path:
    """Root's folder for engines: 0755 and root's, or it is not used."""
    for parent in ROOT_FOLDERS:
        folder = parent / ROOT_FOLDER_NAME
        try:
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
        except OSError:
            continue
        if folder.stat().st_uid == 0 and not folder.is_symlink():
            return folder
    raise EngineError("There is no folder to keep PostgreSQL's files in: /var/lib and /tmp cannot be written.")


def _sweep(folder: Path, key: str) -> None:
    """Delete homes whose data folder was deleted by hand; one with a live server stays.

    A data folder whose parent is missing too may be on a disk that is not there just now.
    """
    for home in folder.glob("*-*"):
        try:
            data_dir = Path((home / "belongs-to").read_text())
        except (FileNotFoundError, NotADirectoryError):  # none, or its owner deletes it just now
            continue
        is_gone = not data_dir.exists() and data_dir.parent.is_dir()
        is_replaced = home.name.startswith(f"{key}-")
        if (is_gone or is_replaced) and not running_inside(home / "cluster"):
            shutil.rmtree(home, ignore_errors=True)


def _unprivileged_user() -> pwd.struct_passwd:
    for name in UNPRIVILEGED_USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise EngineError("PostgreSQL refuses to run as root, and there is no user nobody: start as an ordinary user.")


def _open_for_reading(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
