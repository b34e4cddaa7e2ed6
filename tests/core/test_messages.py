"""What terminal and server send each other: opened only when whole, genuine and of a bearable size."""

from __future__ import annotations

import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.core.accept import Denial
from devices.core.funds import PersonRow
from devices.core.messages import (
    BATCH_MAGIC,
    MAX_BATCH_BYTES,
    MAX_BATCH_INFLATED_BYTES,
    MAX_BATCH_RECORDS,
    SNAPSHOT_MAGIC,
    BatchHead,
    EnrolRequest,
    MessageError,
    Parameters,
    PostedThrough,
    SignedPolicy,
    SnapshotHead,
    decode_row,
    encode_row,
    open_batch,
    open_snapshot,
    request_header,
    request_message,
    seal_batch,
    seal_snapshot,
    snapshot_key_id,
    stored_lines,
)
from devices.core.policy import encode_policy
from devices.core.signing import BATCH_DOMAIN, REQUEST_DOMAIN, SNAPSHOT_DOMAIN, SigningKey, verifies
from tests.core.codes import SNAPSHOT
from tests.core.people import POLICY, lot

DEVICE, OTHER = SigningKey(b"d" * 32), SigningKey(b"o" * 32)
LINES = [b'{"seq":1}', b'{"seq":2}', '{"名":3}'.encode()]
HEAD = BatchHead(12, 77, 1, 3, "00" * 32, "11" * 32)
BATCH = seal_batch(HEAD, LINES, device=DEVICE)

ROW = PersonRow(42, "张*", 1, (5,), 60_00, 200_00, 9, 20_00, (lot(31, 5_00),))
SNAP_HEAD = SnapshotHead(
    terminal=12,
    generation=5,
    number=9,
    base=0,
    made_s=1_000_000,
    people=2,
    policies=(SignedPolicy(1, bytes(64), encode_policy(POLICY)),),
    denials=(Denial(42, 99),),
    posted_through=(PostedThrough(77, 3),),
    parameters=Parameters("n1", "一号窗口", "Window 1", 1, 2, "Asia/Shanghai", 0),
    key_list_number=3,
)
ROWS = [encode_row(ROW), encode_row(msgspec.structs.replace(ROW, account_ref=43, gone=True))]
SNAP = seal_snapshot(SNAP_HEAD, ROWS, key_id=3, signer=SNAPSHOT)


def signed_batch(packed: bytes) -> bytes:
    return BATCH_MAGIC + DEVICE.sign(BATCH_DOMAIN, packed) + packed


def signed_snapshot(packed: bytes) -> bytes:
    return SNAPSHOT_MAGIC + b"\x03" + SNAPSHOT.sign(SNAPSHOT_DOMAIN, packed) + packed


def test_a_batch_opens_to_what_was_sealed() -> None:
    assert open_batch(BATCH, device_public=DEVICE.public) == (HEAD, LINES)
    assert stored_lines(BATCH) == LINES


@given(st.lists(st.binary(min_size=1, max_size=50).filter(lambda line: b"\n" not in line), min_size=1, max_size=20))
def test_whatever_lines_are_sealed_are_opened(lines: list[bytes]) -> None:
    head = msgspec.structs.replace(HEAD, count=len(lines))
    assert open_batch(seal_batch(head, lines, device=DEVICE), device_public=DEVICE.public)[1] == lines


def test_a_snapshot_opens_to_what_was_sealed() -> None:
    assert snapshot_key_id(SNAP) == 3
    head, rows = open_snapshot(SNAP, public=SNAPSHOT.public)
    assert head == SNAP_HEAD
    assert [decode_row(row).account_ref for row in rows] == [42, 43]
    assert decode_row(rows[0]) == ROW
    empty = msgspec.structs.replace(SNAP_HEAD, people=0)
    sealed = seal_snapshot(empty, [], key_id=3, signer=SNAPSHOT)
    assert open_snapshot(sealed, public=SNAPSHOT.public) == (empty, [])


def test_a_batch_sealed_by_another_device_is_refused() -> None:
    with pytest.raises(MessageError, match="signature"):
        open_batch(BATCH, device_public=OTHER.public)


def test_a_batch_signed_for_another_use_is_refused() -> None:
    packed = BATCH[68:]
    with pytest.raises(MessageError, match="signature"):
        open_batch(BATCH_MAGIC + DEVICE.sign(SNAPSHOT_DOMAIN, packed) + packed, device_public=DEVICE.public)


@pytest.mark.parametrize("length", [0, 3, 4, 67, 68, 69, len(BATCH) // 2, len(BATCH) - 1])
def test_a_batch_cut_short_is_refused(length: int) -> None:
    with pytest.raises(MessageError):
        open_batch(BATCH[:length], device_public=DEVICE.public)


@pytest.mark.parametrize("at", range(len(BATCH)))
def test_a_batch_altered_in_any_byte_is_refused(at: int) -> None:
    altered = bytearray(BATCH)
    altered[at] ^= 0x10
    with pytest.raises(MessageError):
        open_batch(bytes(altered), device_public=DEVICE.public)


@pytest.mark.parametrize("at", [0, 3, 4, 5, 68, 69, 70, len(SNAP) - 1])
def test_a_snapshot_altered_is_refused(at: int) -> None:
    altered = bytearray(SNAP)
    altered[at] ^= 0x10
    if at == 4:
        # The key id is outside the signature: it only says where to look, and another key's does not hold.
        assert snapshot_key_id(bytes(altered)) != 3
        return
    with pytest.raises(MessageError):
        open_snapshot(bytes(altered), public=SNAPSHOT.public)


@pytest.mark.parametrize("data", [b"", SNAP[:68], b"ECB1" + SNAP[4:]])
def test_what_is_no_snapshot_names_no_key(data: bytes) -> None:
    with pytest.raises(MessageError, match="not a snapshot"):
        snapshot_key_id(data)


HEAD_JSON = msgspec.json.encode(HEAD)


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        (b"", "truncated|malformed|empty"),
        (b"{}", "missing"),
        (b"\xff", "malformed|invalid"),
        (b'{"terminal":"\xff"}', "decode|expected|invalid|int"),
        (b'{"x":' + b"[" * 5_000, "recursion|malformed|truncated"),
        (HEAD_JSON, "0"),
        (HEAD_JSON + b"\na\nb", "2"),
        (HEAD_JSON + b"\na\nb\nc\nd", "4"),
        (HEAD_JSON + b"\na" * (MAX_BATCH_RECORDS + 1), "at most"),
        (HEAD_JSON.replace(b'"count":3', b'"count":501') + b"\na" * 3, "count"),
        (HEAD_JSON.replace(b'"count":3', b'"count":0'), "count"),
        (HEAD_JSON.replace(b'"first_seq":1', b'"first_seq":0') + b"\na\nb\nc", "first_seq"),
        (HEAD_JSON.replace(b'"epoch":77', b'"epoch":99999999999999999999') + b"\na\nb\nc", "epoch|range"),
        (HEAD_JSON.replace(b"00" * 32, b"zz" * 32) + b"\na\nb\nc", "head_before"),
    ],
)  # fmt: skip
def test_a_signed_batch_out_of_form_is_refused_in_words(plain: bytes, said: str) -> None:
    with pytest.raises(MessageError, match=f"(?i){said}"):
        open_batch(signed_batch(zlib.compress(plain)), device_public=DEVICE.public)


def test_a_bomb_is_not_inflated_past_the_limit() -> None:
    bomb = zlib.compress(bytes(MAX_BATCH_INFLATED_BYTES * 4), 9)
    assert len(bomb) < MAX_BATCH_BYTES
    with pytest.raises(MessageError, match="larger than allowed"):
        open_batch(signed_batch(bomb), device_public=DEVICE.public)


def test_a_bomb_of_empty_lines_is_not_split() -> None:
    with pytest.raises(MessageError, match="at most"):
        open_batch(signed_batch(zlib.compress(b"\n" * (MAX_BATCH_INFLATED_BYTES - 1))), device_public=DEVICE.public)


def test_nothing_unsigned_is_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_args: object) -> None:
        raise AssertionError("inflated before the signature was known to hold")

    monkeypatch.setattr(zlib, "decompressobj", never)
    with pytest.raises(MessageError, match="signature"):
        open_batch(BATCH_MAGIC + bytes(64) + zlib.compress(b"x"), device_public=DEVICE.public)


@pytest.mark.parametrize(
    "packed",
    [b"not zlib", zlib.compress(HEAD_JSON)[:-4], zlib.compress(HEAD_JSON) + b"trailing", zlib.compress(HEAD_JSON) * 2],
)
def test_a_packed_part_that_is_not_exactly_one_stream_is_refused(packed: bytes) -> None:
    with pytest.raises(MessageError):
        open_batch(signed_batch(packed), device_public=DEVICE.public)
    with pytest.raises(MessageError):
        open_snapshot(signed_snapshot(packed), public=SNAPSHOT.public)


def test_a_batch_over_the_limit_is_refused_before_anything_else() -> None:
    with pytest.raises(MessageError, match="at most"):
        open_batch(bytes(MAX_BATCH_BYTES + 1), device_public=DEVICE.public)


def test_a_snapshot_with_rows_missing_is_refused() -> None:
    with pytest.raises(MessageError, match="missing"):
        open_snapshot(seal_snapshot(SNAP_HEAD, ROWS[:1], key_id=3, signer=SNAPSHOT), public=SNAPSHOT.public)


@given(st.binary(max_size=200))
def test_no_bytes_whatever_make_either_reader_stumble(data: bytes) -> None:
    for given_bytes in (data, BATCH_MAGIC + data, SNAPSHOT_MAGIC + data, signed_batch(data)):
        with pytest.raises(MessageError):
            open_batch(given_bytes, device_public=DEVICE.public)
        with pytest.raises(MessageError):
            open_snapshot(given_bytes, public=SNAPSHOT.public)


def test_a_requests_signature_covers_method_target_body_and_time() -> None:
    def message(method: str = "POST", target: str = "/a?b=1", body: bytes = b"x", at_ms: int = 5) -> bytes:
        return request_message(method=method, target=target, body=body, at_ms=at_ms)

    different = [message(), message(method="GET"), message(target="/a?b=2"), message(body=b"y"), message(at_ms=6)]
    assert len(set(different)) == 5
    header = request_header(terminal=12, method="POST", target="/a?b=1", body=b"x", at_ms=5, device=DEVICE)
    scheme, rest = header.split(" ")
    terminal, at_ms, signature = rest.split(".")
    assert (scheme, terminal, at_ms) == ("Ecard-Terminal", "12", "5")
    for given_message in different:
        holds = verifies(
            public=DEVICE.public, domain=REQUEST_DOMAIN, message=given_message, signature=bytes.fromhex(signature)
        )
        assert holds is (given_message == message())


@pytest.mark.parametrize("public", ["", "00" * 31, "zz" * 32, "AB" * 32, "00" * 33])
def test_an_enrolment_names_a_well_formed_key(public: str) -> None:
    body = msgspec.json.encode({"code": "ABCD", "public": public, "software": "1"})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=EnrolRequest)
