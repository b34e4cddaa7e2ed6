"""The answer to a question, sealed: it opens for that question alone."""

from __future__ import annotations

import pytest

from devices.core.declines import Decline, Why
from devices.core.messages import Authorised, MessageError, authorised_key_id, open_authorised, seal_authorised
from devices.core.quote import Person, Quote
from tests.devices.world import ROOT, SNAPSHOT_SIGNER

ASKED = b'{"epoch":1}'
ANSWER = Authorised(Person(41, 1, 90_00, 60_00), Quote(3, 2, 12_00, 12_00, decline=Decline(Why.STOPPED)), 5)


def sealed() -> bytes:
    return seal_authorised(ANSWER, asked=ASKED, key_id=7, signer=SNAPSHOT_SIGNER)


def test_an_answer_is_read_as_it_was_sealed() -> None:
    assert authorised_key_id(sealed()) == 7
    assert open_authorised(sealed(), asked=ASKED, public=SNAPSHOT_SIGNER.public) == ANSWER


def test_an_answer_altered_in_any_bit_is_not_believed() -> None:
    data = sealed()
    for place in range(len(data) * 8):
        if place // 8 == 4:
            continue  # the key's number: another key's signature does not hold
        altered = bytearray(data)
        altered[place // 8] ^= 1 << place % 8
        with pytest.raises(MessageError):
            open_authorised(bytes(altered), asked=ASKED, public=SNAPSHOT_SIGNER.public)


@pytest.mark.parametrize(("asked", "public"), [(b'{"epoch":2}', SNAPSHOT_SIGNER.public), (ASKED, ROOT.public)])
def test_an_answer_to_another_question_or_of_another_key_is_not_believed(asked: bytes, public: bytes) -> None:
    with pytest.raises(MessageError):
        open_authorised(sealed(), asked=asked, public=public)


@pytest.mark.parametrize("cut", [0, 4, 68])
def test_a_torn_answer_is_none(cut: int) -> None:
    with pytest.raises(MessageError):
        open_authorised(sealed()[:cut], asked=ASKED, public=SNAPSHOT_SIGNER.public)
