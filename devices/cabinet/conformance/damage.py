"""What a bad line makes of a frame: the same for both sides."""

import time
from collections.abc import Callable
from hashlib import shake_128

from devices.cabinet.conformance.probe import Check, Failed, Probe
from devices.cabinet.frames import START, encode, frame
from devices.cabinet.messages import TYPES, Ask, Error, Message, Wrong, pack

GARBAGE_BYTES = 300
OTHER_VERSION, NO_TYPE = 9, 0x6E

Run = Callable[[Probe], None]


def damage_checks(question: Message, answered: Callable[[Probe, int], None]) -> list[Check]:
    """`question` is harmless and always answered; `answered` looks for its answer under a sequence."""
    asking = _Asking(question, answered)
    return [*_finds_the_thread(asking), *_reads_what_is_whole(asking), *_names_what_is_not_understood(question)]


class _Asking:
    """The question on a line that harms it."""

    def __init__(self, question: Message, answered: Callable[[Probe, int], None]) -> None:
        self._question, self._answered = question, answered

    def frame(self, sequence: int) -> bytes:
        return encode(self._question, sequence=sequence)

    def after(self, data: bytes) -> Run:
        def run(probe: Probe) -> None:
            probe.forget()
            probe.raw(data)
            self._answered(probe, probe.say(self._question))

        return run

    def piece_by_piece(self, probe: Probe) -> None:
        probe.forget()
        for byte in self.frame(77):
            probe.raw(bytes([byte]))
            time.sleep(0.01)
        self._answered(probe, 77)

    def glued(self, probe: Probe) -> None:
        probe.forget()
        probe.raw(self.frame(78) + self.frame(79))
        self._answered(probe, 78)
        self._answered(probe, 79)

    def flipped(self, probe: Probe) -> None:
        probe.forget()
        whole = self.frame(80)
        for place in range(1, len(whole)):
            if whole[place] ^ 1 != START:
                probe.raw(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            self._answered(probe, 80)
        except Failed:
            return
        raise Failed("a damaged frame was answered")


def _finds_the_thread(asking: _Asking) -> list[Check]:
    half = asking.frame(81)
    half = half[: len(half) // 2]
    too_long = bytes([START, *half[1:4], 200])
    return [
        Check("it answers after 300 bytes of garbage", asking.after(shake_128(b"garbage").digest(GARBAGE_BYTES))),
        Check("it answers after a frame that was cut off", asking.after(half)),
        Check("it answers after a frame whose length says more than comes", asking.after(too_long)),
    ]


def _reads_what_is_whole(asking: _Asking) -> list[Check]:
    return [
        Check("it reads a frame that comes byte by byte", asking.piece_by_piece),
        Check("it reads two frames without a gap", asking.glued),
        Check("it never answers a frame with a flipped bit", asking.flipped),
    ]


def _names_what_is_not_understood(question: Message) -> list[Check]:
    kind, payload = TYPES[type(question)], pack(question)
    error = frame(TYPES[Error], 85, b"\x01", version=OTHER_VERSION)
    return [
        Check("it names another version", _named(frame(kind, 82, payload, version=OTHER_VERSION), Wrong.VERSION)),
        Check("it names an unknown type", _named(frame(NO_TYPE, 83, b""), Wrong.TYPE)),
        Check("it names a payload that is too short", _named(frame(TYPES[Ask], 84, b"\x05AB"), Wrong.PAYLOAD)),
        Check("it never answers an error", lambda probe: _left_alone(probe, error)),
    ]


def _named(data: bytes, reason: Wrong) -> Run:
    def run(probe: Probe) -> None:
        probe.forget()
        probe.raw(data)
        probe.expect(Error, that=lambda error: error.wrong is reason)

    return run


def _left_alone(probe: Probe, data: bytes) -> None:
    probe.rest()
    probe.raw(data)
    probe.none(Error)
