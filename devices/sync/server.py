"""The server as the terminal speaks to it: signed requests out, verified answers in; nothing else is handed on."""

from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

import msgspec
from nacl.exceptions import CryptoError
from nacl.public import SealedBox
from nacl.signing import SigningKey as DeviceKey

from devices.core import card, enrolment, messages
from devices.core.keys import KeyListError, open_key_list
from devices.core.messages import (
    Ack,
    Authorise,
    Authorised,
    BatchHead,
    Enrolled,
    EnrolRequest,
    KeysAnswer,
    MessageError,
    Refusal,
)
from devices.core.signing import PUBLIC_BYTES, SigningKey
from devices.core.status import STATUS_HEADER, Status, encode_status
from devices.core.wire import MALFORMED
from devices.drivers.network import Answer, NoAnswer, Transport
from devices.journal.values import Run
from devices.store.held import Held, Keys
from devices.sync.verify import VerifiedSnapshot, verify_authorised, verify_snapshot

ROOT = "/api/terminal/v1"
MAX_SMALL_BYTES = 256 * 1024
MAX_SEALING_KEYS = 256
_JSON = {"Content-Type": "application/json"}
_BINARY = {"Content-Type": "application/octet-stream"}

T = TypeVar("T")


class Server:
    """Each call raises NoAnswer (line or server) or MessageError (an answer that is not to be believed)."""

    def __init__(
        self,
        transport: Transport,
        *,
        seed: bytes,
        software: str,
        now_ms: Callable[[], int],
        monotonic_ms: Callable[[], int],
        reports: bool = True,
    ) -> None:
        self._transport, self._software, self._reports = transport, software, reports
        self._now_ms, self._monotonic_ms = now_ms, monotonic_ms
        self._device = SigningKey(seed)
        self._box = SealedBox(DeviceKey(seed).to_curve25519_private_key())
        self.unsent = self.policy = self.newer_policy = 0
        self.neighbours: int | None = None
        """Told to monitoring beside each request, as in `Status`; not where `reports` is False."""

    def enrol(self, code: str) -> Enrolled | Refusal:
        """Exchange the one-time code; what answers must have the root key that the code was made for."""
        asked = EnrolRequest(enrolment.secret_of(code), self._device.public.hex(), self._software)
        body = msgspec.json.encode(asked)
        answer = self._transport.request("POST", f"{ROOT}/enrol", body=body, headers=_JSON, limit_bytes=MAX_SMALL_BYTES)
        enrolled = _read(answer, Enrolled)
        if isinstance(enrolled, Enrolled):
            try:
                known = enrolment.matches_root(code, root_public=bytes.fromhex(enrolled.root_public))
            except ValueError as error:
                raise MessageError("the root key is no key") from error
            if not known:
                raise MessageError("another root key than the one this code was made for")
        return enrolled

    def keys(self, identity: Enrolled, *, held_number: int) -> Keys | Refusal:
        """The key list, verified against the pinned root, and this terminal's sealing keys."""
        answer = self._signed(identity, "GET", f"{ROOT}/keys", limit_bytes=MAX_SMALL_BYTES)
        found = _read(answer, KeysAnswer)
        if isinstance(found, Refusal):
            return found
        try:
            key_list = open_key_list(
                found.key_list,
                root_public=bytes.fromhex(identity.root_public),
                institution=identity.institution,
                held_number=held_number,
            )
        except KeyListError as error:
            raise MessageError(str(error)) from error
        return Keys(key_list, self._sealing_keys(found.sealing_box), self._card_key(found.card_box))

    def snapshot(self, identity: Enrolled, *, keys: Keys, held: Held | None) -> VerifiedSnapshot | Refusal:
        """The changes since `held`, or all."""
        target = f"{ROOT}/snapshot"
        if held is not None:
            target += f"?generation={held.generation}&number={held.number}"
        began_ms = self._monotonic_ms()
        answer = self._signed(identity, "GET", target, limit_bytes=messages.MAX_SNAPSHOT_BYTES)
        took_ms = self._monotonic_ms() - began_ms
        if answer.status != HTTPStatus.OK:
            return _read(answer, Refusal)
        return verify_snapshot(answer.body, key_list=keys.key_list, terminal=identity.terminal, round_trip_ms=took_ms)

    def send(self, identity: Enrolled, run: Run) -> Ack | Refusal:
        """Upload a run of records."""
        head = BatchHead(identity.terminal, run.epoch, run.first_seq, len(run.lines), run.head_before, run.head_after)
        body = messages.seal_batch(head, run.lines, device=self._device)
        answer = self._signed(identity, "POST", f"{ROOT}/batches", body=body, limit_bytes=MAX_SMALL_BYTES)
        ack = _read(answer, Ack)
        if isinstance(ack, Ack) and (ack.epoch != run.epoch or ack.acknowledged < 0 or ack.need_epoch < 0):
            raise MessageError("an acknowledgement of something else")
        return ack

    def authorise(self, identity: Enrolled, question: Authorise, *, keys: Keys) -> Authorised | Refusal:
        """Ask whether a presentation may pay; the answer is signed by a snapshot key of the list."""
        body = msgspec.json.encode(question)
        answer = self._signed(
            identity, "POST", f"{ROOT}/authorise", body=body, limit_bytes=messages.MAX_AUTHORISED_BYTES
        )
        if answer.status != HTTPStatus.OK:
            return _read(answer, Refusal)
        return verify_authorised(answer.body, asked=body, key_list=keys.key_list)

    def news(self, held: Held) -> bool:
        """Whether anything changed after `held`; unsigned, for the generation is known to terminals alone."""
        target = f"{ROOT}/news?generation={held.generation}&number={held.number}"
        answer = self._transport.request("GET", target, body=b"", headers={}, limit_bytes=MAX_SMALL_BYTES)
        if answer.status == HTTPStatus.NO_CONTENT:
            return False
        if answer.status != HTTPStatus.OK:
            raise MessageError(f"HTTP status {answer.status} is no news")
        return True

    def close(self) -> None:
        """Give back the line."""
        self._transport.close()

    def _signed(self, identity: Enrolled, method: str, target: str, *, body: bytes = b"", limit_bytes: int) -> Answer:
        signature = messages.request_header(
            terminal=identity.terminal,
            method=method,
            target=target,
            body=body,
            at_ms=self._now_ms(),
            device=self._device,
        )
        headers = {"Authorization": signature, **(_BINARY if body else {})}
        if self._reports:
            headers[STATUS_HEADER] = encode_status(
                Status(self.unsent, self._software, self.policy, self.newer_policy, self.neighbours)
            )
        return self._transport.request(method, target, body=body, headers=headers, limit_bytes=limit_bytes)

    def _card_key(self, box: bytes) -> bytes:
        if not box:
            return b""
        try:
            key = self._box.decrypt(box)
        except (CryptoError, ValueError, TypeError) as error:
            raise MessageError("the card key does not open with this terminal's key") from error
        if len(key) != card.KEY_BYTES:
            raise MessageError("this is no card key")
        return key

    def _sealing_keys(self, box: bytes) -> dict[int, bytes]:
        try:
            found = msgspec.json.decode(self._box.decrypt(box), type=dict[int, str])
            keys = {key_id: bytes.fromhex(key) for key_id, key in found.items()}
        except (CryptoError, ValueError, TypeError) as error:
            raise MessageError("the sealing keys do not open with this terminal's key") from error
        if len(keys) > MAX_SEALING_KEYS or any(len(key) != PUBLIC_BYTES for key in keys.values()):
            raise MessageError("these are no sealing keys")
        return keys


def _read(answer: Answer, kind: type[T]) -> T | Refusal:
    """The answer of a 200, the refusal of a 4xx or 503; anything else is a server that does not work."""
    refused = 400 <= answer.status < 500 or answer.status == HTTPStatus.SERVICE_UNAVAILABLE
    if answer.status != HTTPStatus.OK and not refused:
        raise NoAnswer(f"HTTP status {answer.status}")
    try:
        if refused:
            return msgspec.json.decode(answer.body, type=Refusal)
        return msgspec.json.decode(answer.body, type=kind)
    except MALFORMED as error:
        if refused:
            raise NoAnswer(f"HTTP status {answer.status}, not from the terminals' service") from error
        raise MessageError(str(error)) from error
