"""What was kept apart is taken in on a person's word, where it lacks nothing else."""

from __future__ import annotations

import pytest

from devices.core.messages import Ack, BatchHead, Refusal, seal_batch
from ecard.settlement import queries
from ecard.settlement.models import Batch, QuarantinedBatch
from ecard.settlement.operations import (
    NotAdmissible,
    admit_quarantined,
)
from ecard.terminals.models import Stream
from ecard.terminals.operations import revoke
from tests.support.settling import Till, World


def assert_all_posted_once(world: World, *, sales: int) -> None:
    """Every sale of every journal is in the ledger, and nothing else is."""
    world.settle()
    counts = queries.upload_counts()
    assert (counts.sales, counts.lost, counts.twice) == (sales, 0, 0)
    assert counts.records_posted == counts.records_received


def _other_amount(till: Till, seq: int) -> None:
    till.lines[seq - 1] = till.lines[seq - 1].replace(b'"shown_minor":1000', b'"shown_minor":9000')


def test_what_a_revoked_terminal_handed_in_posts_once_a_person_admits_it(world: World, till: Till) -> None:
    till.sell()
    till.upload()
    till.sell()
    revoke(terminal=till.terminal, by=None, at=world.at)
    till.upload()
    batch = QuarantinedBatch.objects.get()
    assert admit_quarantined(batch=batch, by=None, note="found in the kitchen", at=world.at) == 3
    assert_all_posted_once(world, sales=2)
    with pytest.raises(NotAdmissible, match="resolved"):
        admit_quarantined(batch=batch, by=None, note="again", at=world.at)
    assert_all_posted_once(world, sales=2)


def test_a_revoked_terminal_learns_what_a_person_admitted_and_no_more_is_taken(world: World, till: Till) -> None:
    till.sell()
    revoke(terminal=till.terminal, by=None, at=world.at)
    handed_in = till.sealed()
    refused = till.send(handed_in)
    assert isinstance(refused, Refusal)
    admit_quarantined(batch=QuarantinedBatch.objects.get(), by=None, note="found in the kitchen", at=world.at)
    assert till.send(handed_in) == Ack("repeat", till.epoch, 2)
    till.sell()
    again = till.send(till.sealed())
    assert isinstance(again, Refusal)
    assert again.error == "revoked"
    assert QuarantinedBatch.objects.filter(resolved_at__isnull=True).count() == 1
    assert_all_posted_once(world, sales=1)


def test_a_revoked_terminal_is_not_told_that_other_content_is_held(world: World, till: Till) -> None:
    """Attack: a stolen device tells other sales under the sequences that the server has."""
    till.sell()
    till.upload()
    revoke(terminal=till.terminal, by=None, at=world.at)
    _other_amount(till, 2)
    refused = till.send(till.sealed())
    assert isinstance(refused, Refusal)
    assert refused.error == "revoked"
    assert_all_posted_once(world, sales=1)


def test_a_journal_that_goes_on_after_other_content_is_followed_once_a_person_admits_it(
    world: World, till: Till
) -> None:
    for _sale in range(3):
        till.sell()
    till.upload(1, 3)
    _other_amount(till, 2)
    earlier = till.epoch
    assert till.upload(2, 4) == Ack("quarantined", earlier, 3)
    admit_quarantined(batch=QuarantinedBatch.objects.get(), by=None, note="a bug of release 1", at=world.at)
    assert till.upload(2, 4) == Ack("repeat", earlier, 4)
    assert till.upload(3, 4) == Ack("repeat", earlier, 4)
    assert Stream.objects.get().forked
    till.start()
    till.sell()
    assert till.upload() == Ack("accepted", till.epoch, 2)
    assert_all_posted_once(world, sales=4)
    assert world.purse(0) == 60_00


@pytest.mark.parametrize("kind", ["broken chain", "nothing new", "gap"])
def test_an_upload_that_lacks_more_than_a_persons_word_is_not_admitted(world: World, till: Till, kind: str) -> None:
    for _sale in range(3):
        till.sell()
    if kind == "broken chain":
        head = BatchHead(till.terminal.pk, till.epoch, 1, 4, bytes(32).hex(), b"\1".hex() * 32)
        till.send(seal_batch(head, till.lines, device=till.key))
    elif kind == "nothing new":
        till.upload(1, 3)
        _other_amount(till, 2)
        till.upload(1, 3)
    else:
        revoke(terminal=till.terminal, by=None, at=world.at)
        till.upload(3, 4)
    batch, before = QuarantinedBatch.objects.get(), list(Batch.objects.values_list("pk", flat=True))
    with pytest.raises(NotAdmissible):
        admit_quarantined(batch=batch, by=None, note="try", at=world.at)
    batch.refresh_from_db()
    assert batch.resolved_at is None
    assert list(Batch.objects.values_list("pk", flat=True)) == before
