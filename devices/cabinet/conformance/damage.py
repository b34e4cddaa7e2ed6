"""What a bad line makes of a frame: the same for both sides."""

import time
from collections.abc import Callable
from hashlib import shake_128

from devices.cabinet.conformance.probe import Check, Failed, Probe
from devices.cabinet.frames import START, encode, frame
from devices.cabinet.messages import TYPES, Ask, Error, Message, Wrong, pack

GARBAGE_BYTES = 300


def damage_checks(question: Message, answered: Callable[[Probe, int], None]) -> list[Check]:
    """`question` is harmless and always answered; `answered` looks for its answer under a sequence."""

    def after(data: bytes) -> Callable[[Probe], None]:
        def run(probe: Probe) -> None:
            probe.forget()
            probe.raw(data)
            answered(probe, probe.say(question))

        return run

    def piece_by_piece(probe: Probe) -> None:
        probe.forget()
        for byte in encode(question, sequence=77):
            probe.raw(bytes([byte]))
            time.sleep(0.01)
        answered(probe, 77)

    def glued(probe: Probe) -> None:
        probe.forget()
        probe.raw(encode(question, sequence=78) + encode(question, sequence=79))
        answered(probe, 78)
        answered(probe, 79)

    def damaged(probe: Probe) -> None:
        probe.forget()
        whole = encode(question, sequence=80)
        for place in range(1, len(whole)):
            if whole[place] ^ 1 != START:
                probe.raw(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            answered(probe, 80)
        except Failed:
            return
        raise Failed("a damaged frame was answered")

    def wrong(data: bytes, reason: Wrong) -> Callable[[Probe], None]:
        def run(probe: Probe) -> None:
            probe.forget()
            probe.raw(data)
            probe.expect(Error, that=lambda error: error.wrong is reason)

        return run

    whole = encode(question, sequence=81)
    kind, payload = TYPES[type(question)], pack(question)
    garbage = shake_128(b"garbage").digest(GARBAGE_BYTES)
    return [
        Check("it answers after 300 bytes of garbage", after(garbage)),
        Check("it answers after a frame that was cut off", after(whole[: len(whole) // 2])),
        Check("it answers after a frame whose length says more than comes", after(bytes([START, 1, kind, 5, 200]))),
        Check("it reads a frame that comes byte by byte", piece_by_piece),
        Check("it reads two frames without a gap", glued),
        Check("it never answers a frame with a flipped bit", damaged),
        Check("it names another version", wrong(frame(kind, 82, payload, version=9), Wrong.VERSION)),
        Check("it names an unknown type", wrong(frame(0x6E, 83, b""), Wrong.TYPE)),
        Check("it names a payload that is too short", wrong(frame(TYPES[Ask], 84, b"\x05AB"), Wrong.PAYLOAD)),
    ]
