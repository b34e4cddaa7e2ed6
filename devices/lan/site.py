"""Whom this terminal listens to and how it is sealed: all from the signed snapshot and the keys of enrolment."""

from typing import Self

import msgspec

from devices.core.keys import Role
from devices.lan.messages import site_key
from devices.store.held import Held, Keys


class Site(msgspec.Struct, frozen=True):
    """This terminal among its neighbours; `keys` by code key, `publics` by terminal, `hall` is the outlet of a gate."""

    terminal: int
    key_id: int
    keys: dict[int, bytes]
    publics: dict[int, bytes]
    claim_wait_ms: int
    hall: int | None

    @classmethod
    def of(cls, held: Held | None, keys: Keys | None, *, now_s: int) -> Self | None:
        """None before there is a snapshot that names neighbours."""
        if held is None or keys is None or not held.terminal:
            return None
        listed = [
            key
            for key in keys.key_list.keys
            if key.role is Role.CODE and key.key_id in keys.sealing_keys and not key.revoked
        ]
        if not listed:
            return None
        # Of those in use the one announced first: a neighbour that was out of contact longer has it too.
        speaking = min(
            listed,
            key=lambda key: (not key.not_before_s <= now_s < key.not_after_s, key.not_before_s, key.key_id),
        )
        site, parameters = held.parameters.site, held.parameters
        return cls(
            terminal=held.terminal,
            key_id=speaking.key_id,
            keys={key.key_id: site_key(keys.sealing_keys[key.key_id], site=site) for key in listed},
            publics={
                peer.terminal: bytes.fromhex(peer.public) for peer in held.peers if peer.terminal != held.terminal
            },
            claim_wait_ms=parameters.claim_wait_ms,
            hall=parameters.outlet if parameters.device == "gate" or parameters.mode == "pass" else None,
        )
