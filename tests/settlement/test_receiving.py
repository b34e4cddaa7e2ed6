"""What a terminal may send, and what it is told: acknowledged, refused or kept apart; nothing lost, nothing twice."""

from __future__ import annotations

import zlib

import pytest

from devices.core.messages import BATCH_MAGIC, MAX_BATCH_BYTES, Ack, BatchHead, Refusal, seal_batch
from devices.core.signing import BATCH_DOMAIN, SigningKey
from ecard.settlement import queries, receiving
from ecard.settlement.models import Batch, ExceptionKind, QuarantinedBatch, QuarantineKind, Sale, SaleException
from ecard.settlement.operations import (
    NoteMissing,
    resolve_exception,
    resolve_quarantined,
)
from ecard.terminals.models import Stream, Terminal
from ecard.terminals.operations import revoke
from tests.support.settling import Till, World, make_till


def apart() -> list[QuarantineKind]:
    return [QuarantineKind(kind) for kind in QuarantinedBatch.objects.order_by("id").values_list("kind", flat=True)]


def told() -> list[ExceptionKind]:
    return [ExceptionKind(kind) for kind in SaleException.objects.order_by("id").values_list("kind", flat=True)]


def assert_all_posted_once(world: World, *, sales: int) -> None:
    """Every sale of every journal is in the ledger, and nothing else is."""
    world.settle()
    counts = queries.upload_counts()
    assert (counts.sales, counts.lost, counts.twice) == (sales, 0, 0)
    assert counts.records_posted == counts.records_received


def test_a_batch_is_stored_whole_before_it_is_acknowledged(world: World, till: Till) -> None:
    till.sell()
    data = till.sealed()
    assert till.send(data) == Ack("accepted", till.epoch, 2)
    batch = Batch.objects.get()
    assert (bytes(batch.raw), batch.first_seq, batch.last_seq, batch.posted_at) == (data, 1, 2, None)
    assert bytes(Stream.objects.get().head) == till.head()


def test_a_replayed_batch_is_acknowledged_and_posts_nothing(world: World, till: Till) -> None:
    till.sell()
    data = till.sealed()
    till.send(data)
    world.settle()
    assert till.send(data) == Ack("repeat", till.epoch, 2)
    assert_all_posted_once(world, sales=1)
    assert (Batch.objects.count(), apart()) == (1, [])


def test_a_replay_cut_otherwise_is_a_repeat_too(world: World, till: Till) -> None:
    for _sale in range(5):
        till.sell()
    till.upload(1, 4)
    till.upload(5, 6)
    for first, last in ((1, 2), (2, 3), (3, 6), (1, 6), (6, 6)):
        assert till.upload(first, last) == Ack("repeat", till.epoch, 6)
    assert apart() == []


def test_reordered_batches_end_in_the_same_ledger(world: World, till: Till) -> None:
    for _sale in range(4):
        till.sell()
    assert till.upload(4, 5) == Ack("gap", till.epoch, 0)
    assert till.upload(1, 3) == Ack("accepted", till.epoch, 3)
    assert till.upload(4, 5) == Ack("accepted", till.epoch, 5)
    assert_all_posted_once(world, sales=4)


def test_a_gap_names_where_to_go_on(world: World, till: Till) -> None:
    for _sale in range(4):
        till.sell()
    till.upload(1, 2)
    assert till.upload(4, 5) == Ack("gap", till.epoch, 2)
    assert (Batch.objects.count(), apart()) == (1, [])


def test_a_batch_that_overlaps_what_is_held_adds_only_its_end(world: World, till: Till) -> None:
    for _sale in range(4):
        till.sell()
    till.upload(1, 3)
    assert till.upload(2, 5) == Ack("accepted", till.epoch, 5)
    assert list(Batch.objects.order_by("id").values_list("first_seq", "last_seq", "skip")) == [(1, 3, 0), (4, 5, 2)]
    assert_all_posted_once(world, sales=4)
    assert all(queries.recheck(sale).same for sale in Sale.objects.all())


def _other_amount(till: Till, seq: int) -> None:
    till.lines[seq - 1] = till.lines[seq - 1].replace(b'"shown_minor":1000', b'"shown_minor":9000')


@pytest.mark.parametrize(("first", "last"), [(1, 3), (2, 2), (2, 3), (2, 5)])
def test_other_content_under_a_held_sequence_is_kept_apart_and_never_posted(
    world: World, till: Till, first: int, last: int
) -> None:
    for _sale in range(4):
        till.sell()
    till.upload(1, 3)
    honest = list(till.lines)
    _other_amount(till, 2)
    assert till.upload(first, last) == Ack("quarantined", till.epoch, 3)
    assert apart() == [QuarantineKind.OTHER_CONTENT]
    till.lines = honest
    till.upload(4, 5)
    assert_all_posted_once(world, sales=4)
    assert world.purse(0) == 60_00


def test_a_continuation_of_another_history_is_kept_apart(world: World, till: Till) -> None:
    for _sale in range(3):
        till.sell()
    till.upload(1, 2)
    _other_amount(till, 2)
    assert till.upload(3, 4) == Ack("quarantined", till.epoch, 2)
    assert apart() == [QuarantineKind.OTHER_CONTENT]


def test_records_that_do_not_follow_from_one_another_are_kept_apart(world: World, till: Till) -> None:
    till.sell()
    head = BatchHead(till.terminal.pk, till.epoch, 1, 2, bytes(32).hex(), b"\1".hex() * 32)
    assert till.send(seal_batch(head, till.lines, device=till.key)) == Ack("quarantined", till.epoch, 0)
    assert apart() == [QuarantineKind.BROKEN_CHAIN]


@pytest.mark.parametrize("place", [0, 10, 70, 200, -1])
def test_a_batch_altered_in_any_byte_is_refused_and_sent_again(world: World, till: Till, place: int) -> None:
    till.sell()
    data = bytearray(till.sealed())
    data[place] ^= 0x40
    answer = till.send(bytes(data))
    assert isinstance(answer, Refusal)
    assert answer.error == "bad_batch"
    assert (Batch.objects.count(), apart()) == (0, [])
    till.upload()
    assert_all_posted_once(world, sales=1)


@pytest.mark.parametrize("kept", [0, 3, 68, 69, 150])
def test_a_batch_half_sent_is_refused_and_sent_again(world: World, till: Till, kept: int) -> None:
    till.sell()
    answer = till.send(till.sealed()[:kept])
    assert isinstance(answer, Refusal)
    assert (answer.error, Batch.objects.count()) == ("bad_batch", 0)
    till.upload()
    assert_all_posted_once(world, sales=1)


def test_an_oversized_batch_is_refused_unread(world: World, till: Till) -> None:
    answer = till.send(bytes(MAX_BATCH_BYTES + 1))
    assert isinstance(answer, Refusal)
    assert (answer.error, apart()) == ("too_large", [])


def test_a_batch_that_inflates_beyond_its_bound_is_kept_apart(world: World, till: Till) -> None:
    packed = zlib.compress(bytes(64 * 1024 * 1024), 9)
    answer = till.send(BATCH_MAGIC + till.key.sign(BATCH_DOMAIN, packed) + packed)
    assert isinstance(answer, Refusal)
    assert (answer.error, apart()) == ("malformed", [QuarantineKind.MALFORMED])


def test_a_batch_signed_by_another_key_is_refused(world: World, till: Till) -> None:
    till.sell()
    till.key = SigningKey(b"some other device's key of 32 by")
    answer = till.upload()
    assert isinstance(answer, Refusal)
    assert (answer.error, Batch.objects.count()) == ("bad_batch", 0)


def test_a_batch_in_another_terminals_name_is_kept_apart(world: World, till: Till, other: Till) -> None:
    till.sell()
    mine, till.terminal = till.terminal, other.terminal
    data = till.sealed()
    till.terminal = mine
    answer = till.send(data)
    assert isinstance(answer, Refusal)
    assert (answer.error, apart()) == ("other_terminal", [QuarantineKind.OTHER_TERMINAL])
    assert not Stream.objects.exists()


def test_a_revoked_terminals_sales_are_kept_apart_and_it_is_told(world: World, till: Till) -> None:
    till.sell()
    till.upload()
    till.sell()
    revoke(terminal=till.terminal, by=None, at=world.at)
    answer = till.upload()
    assert isinstance(answer, Refusal)
    assert (answer.error, apart()) == ("revoked", [QuarantineKind.REVOKED])
    assert_all_posted_once(world, sales=1)


def test_a_stranger_cannot_fill_the_quarantine_of_a_revoked_terminal(world: World, till: Till) -> None:
    till.sell()
    revoke(terminal=till.terminal, by=None, at=world.at)
    till.key = SigningKey(bytes(32))
    answer = till.upload()
    assert isinstance(answer, Refusal)
    assert (answer.error, apart()) == ("revoked", [])


def test_the_same_bytes_are_kept_apart_once(world: World, till: Till) -> None:
    till.sell()
    till.upload()
    _other_amount(till, 2)
    data = till.sealed()
    for _time in range(3):
        till.send(data)
    assert (QuarantinedBatch.objects.get().times, bytes(QuarantinedBatch.objects.get().raw)) == (3, data)


def test_a_terminals_quarantine_is_bounded(world: World, till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "QUARANTINE_LIMIT", 3)
    till.sell()
    till.upload()
    for amount in range(6):
        till.lines[1] = till.lines[1].replace(b'"at_ms":', b'"at_ms":%d' % (amount + 1))
        till.send(till.sealed())
    assert QuarantinedBatch.objects.count() == 3


def test_the_next_epoch_goes_on_where_the_last_one_ended(world: World, till: Till) -> None:
    till.sell()
    till.upload()
    till.start()
    till.sell()
    assert till.upload() == Ack("accepted", till.epoch, 2)
    assert (told(), Stream.objects.filter(forked=True).count()) == ([], 0)
    assert_all_posted_once(world, sales=2)


def test_an_epoch_waits_until_the_one_before_is_held_whole(world: World, till: Till) -> None:
    for _sale in range(3):
        till.sell()
    till.upload(1, 2)
    earlier = till.epoch
    till.start()
    till.sell()
    assert till.upload() == Ack("gap", till.epoch, 0, need_epoch=earlier)
    assert till.upload(3, 4, epoch=earlier) == Ack("accepted", earlier, 4)
    assert till.upload() == Ack("accepted", till.epoch, 2)
    assert_all_posted_once(world, sales=4)


def test_an_epoch_whose_predecessor_was_never_heard_of_asks_for_it(world: World, till: Till) -> None:
    earlier = till.epoch
    till.start()
    assert till.upload() == Ack("gap", till.epoch, 0, need_epoch=earlier)


def test_a_journal_restored_from_an_old_image_shows_as_a_fork_and_its_sales_are_facts(world: World, till: Till) -> None:
    till.sell()
    image = (till.epoch, len(till.lines), till.head())
    till.sell()
    till.upload()
    till.start(epoch=5, previous=image)
    till.sell()
    assert till.upload() == Ack("accepted", 5, 2)
    assert told() == [ExceptionKind.STREAM_FORKED]
    assert Stream.objects.get(epoch=5).forked
    assert_all_posted_once(world, sales=3)


def test_a_copied_device_shows_as_a_fork(world: World, till: Till) -> None:
    till.sell()
    till.upload()
    image = (till.epoch, len(till.lines), till.head())
    till.start(epoch=5, previous=image)
    till.sell()
    till.upload()
    till.wait(3)
    till.start(epoch=6, previous=image)
    till.sell()
    assert till.upload() == Ack("accepted", 6, 2)
    assert told() == [ExceptionKind.STREAM_FORKED]
    assert_all_posted_once(world, sales=3)


def test_an_epoch_that_names_another_history_is_a_fork(world: World, till: Till) -> None:
    till.sell()
    till.upload()
    till.start(epoch=5, previous=(till.epoch, 2, b"\7" * 32))
    till.upload()
    assert told() == [ExceptionKind.STREAM_FORKED]


def test_a_journal_that_knows_nothing_of_an_earlier_one_is_told(world: World, till: Till) -> None:
    till.sell()
    till.upload()
    till.start(epoch=5, previous=(0, 0, b""))
    till.sell()
    assert till.upload() == Ack("accepted", 5, 2)
    assert told() == [ExceptionKind.STREAM_RESTARTED]
    assert_all_posted_once(world, sales=2)


@pytest.mark.parametrize("what", ["a sale", "another epoch", "unreadable", "out of range"])
def test_an_epoch_that_does_not_begin_with_its_own_record_is_kept_apart(world: World, till: Till, what: str) -> None:
    till.sell()
    first = {
        "a sale": till.lines[1].replace(b'"seq":2', b'"seq":1'),
        "another epoch": till.lines[0].replace(b'"epoch":%d' % till.epoch, b'"epoch":7'),
        "unreadable": b"{}",
        "out of range": till.lines[0].replace(b'"previous_epoch":0', b'"previous_epoch":-5'),
    }[what]
    till.lines = [first, till.lines[1]]
    assert till.upload() == Ack("quarantined", till.epoch, 0)
    assert (apart(), Stream.objects.count()) == ([QuarantineKind.BAD_EPOCH], 0)


def test_streams_of_two_terminals_never_meet(world: World, till: Till) -> None:
    twin = make_till(world, number=3, epoch=till.epoch)
    for each in (till, twin):
        each.sell()
        assert each.upload() == Ack("accepted", till.epoch, 2)
    assert_all_posted_once(world, sales=2)


def test_a_matter_is_closed_with_a_note_and_only_once(world: World, till: Till) -> None:
    till.sell()
    till.upload()
    _other_amount(till, 2)
    till.send(till.sealed())
    till.start(epoch=5, previous=(0, 0, b""))
    till.upload()
    batch, exception = QuarantinedBatch.objects.get(), SaleException.objects.get()
    with pytest.raises(NoteMissing):
        resolve_quarantined(batch=batch, by=None, note="  ", at=world.at)
    with pytest.raises(NoteMissing):
        resolve_exception(exception=exception, by=None, note="", at=world.at)
    assert resolve_quarantined(batch=batch, by=None, note="looked at", at=world.at)
    assert resolve_exception(exception=exception, by=None, note="new device", at=world.at)
    assert not resolve_quarantined(batch=batch, by=None, note="again", at=world.at)
    assert not resolve_exception(exception=exception, by=None, note="again", at=world.at)
    exception.refresh_from_db()
    assert exception.note == "new device"


def test_what_is_known_of_the_terminal_is_untouched_by_uploads(world: World, till: Till) -> None:
    till.sell()
    before = Terminal.objects.values().get(pk=till.terminal.pk)
    till.upload()
    assert Terminal.objects.values().get(pk=till.terminal.pk) == before
