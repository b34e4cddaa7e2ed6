"""The root's tool for a machine with no network and no database: `python -m ecard.codes.offline`.

    make  --out root.json --institution EC        draw a root, print its public key
    sign  --root root.json --in draft.json --out list.signed

The passphrase comes from ECARD_ROOT_PASSPHRASE or a prompt.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path

from ecard.codes.errors import RootFileError
from ecard.codes.rootfile import MODERATE, describe, make_root, read_draft, sign_draft

VARIABLE = "ECARD_ROOT_PASSPHRASE"


def passphrase(*, confirm: bool = False) -> str:
    """The root's passphrase, from the environment or typed. Raises RootFileError where two typings differ."""
    given = os.environ.get(VARIABLE)
    if given:
        return given
    typed = getpass.getpass("Root passphrase: ")
    if confirm and getpass.getpass("Again: ") != typed:
        raise RootFileError("the two passphrases differ")
    return typed


def main(arguments: list[str] | None = None) -> int:
    """Run the tool; the exit status is 1 where it refused."""
    parser = argparse.ArgumentParser(prog="python -m ecard.codes.offline", description="The offline root")
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make", help="draw a root")
    make.add_argument("--out", type=Path, required=True)
    make.add_argument("--institution", required=True)
    sign = commands.add_parser("sign", help="sign an exported key list")
    sign.add_argument("--root", type=Path, required=True)
    sign.add_argument("--in", dest="draft", type=Path, required=True)
    sign.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        if options.command == "make":
            secret = passphrase(confirm=True)
            public = make_root(options.out, institution=options.institution, passphrase=secret, cost=MODERATE)
            sys.stdout.write(f"{public.hex()}\n")
        else:
            body = options.draft.read_bytes()
            sys.stderr.write(describe(read_draft(body)) + "\n")
            options.out.write_bytes(sign_draft(body, path=options.root, passphrase=passphrase()))
    except (RootFileError, ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
