"""What a terminal says of itself beside each request, in one header. Not signed: for monitoring, never for money."""

from typing import Annotated

import msgspec

STATUS_HEADER = "X-Ecard-Status"
MAX_STATUS_CHARACTERS = 200

Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """Records not yet acknowledged, the release the terminal runs, and the policy it decides by.

    `newer_policy` is one that it was sent and cannot evaluate: the release is too old. 0 for none. `neighbours` is how
    many it heard on its site's network lately; None where it has none to listen to.
    """

    unsent: Count = 0
    software: Annotated[str, msgspec.Meta(max_length=64)] = ""
    policy: Count = 0
    newer_policy: Count = 0
    neighbours: Count | None = None


def encode_status(status: Status) -> str:
    """The header's value, in ASCII."""
    text = msgspec.json.encode(status).decode()
    return text if text.isascii() else encode_status(msgspec.structs.replace(status, software=""))


def read_status(header: str) -> Status | None:
    """The header's content; None where it is missing or is not one: nothing depends on it."""
    if not header or len(header) > MAX_STATUS_CHARACTERS:
        return None
    try:
        return msgspec.json.decode(header, type=Status)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return None
