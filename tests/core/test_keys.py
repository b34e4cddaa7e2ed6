"""The key list: only the pinned root's, only forward, only ours."""

from __future__ import annotations

import msgspec
import pytest

from devices.core.keys import MAX_BYTES, MAX_KEYS, KeyListError, Role, open_key_list, sign_body, sign_key_list
from devices.core.signing import SNAPSHOT_DOMAIN, SigningKey
from tests.core.codes import ISSUER, ROOT, SNAPSHOT, key_list, listed

PLAIN = key_list(listed(Role.CODE, 1, ISSUER), listed(Role.SNAPSHOT, 1, SNAPSHOT), number=7)
SIGNED = sign_key_list(PLAIN, root=ROOT)


def opened(data: bytes, *, root: SigningKey = ROOT, institution: str = "EC", held: int = 0) -> object:
    return open_key_list(data, root_public=root.public, institution=institution, held_number=held)


@pytest.mark.parametrize("held", [0, 6, 7])
def test_the_roots_list_is_taken_and_the_held_number_again(held: int) -> None:
    assert opened(SIGNED, held=held) == PLAIN


def test_a_number_going_back_is_refused() -> None:
    with pytest.raises(KeyListError, match="older than 8"):
        opened(SIGNED, held=8)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a key list"),
        (b"ECK1", "root"),
        (b"ECK2" + SIGNED[4:], "not a key list"),
        (SIGNED[:-1], "root"),
        (SIGNED + b" ", "root"),
        (SIGNED + b" " * MAX_BYTES, "not a key list"),
        (sign_key_list(PLAIN, root=ISSUER), "root"),
        (sign_body(b"{}", root=ROOT), "missing"),
        (sign_body(b"[", root=ROOT), "object"),
        (sign_body(b"\xff", root=ROOT), "malformed"),
        (sign_body(b'{"institution":"\xff"}', root=ROOT), "decode"),
        (sign_body(b'{"x":' + b"[" * 9_000, root=ROOT), "recursion"),
    ],
)
def test_anything_but_the_pinned_roots_list_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(KeyListError, match=said):
        opened(data)


def test_another_institutions_list_is_refused_though_one_root_signed_both() -> None:
    with pytest.raises(KeyListError, match="another institution"):
        opened(sign_key_list(key_list(number=7, institution="ZZ"), root=ROOT))


def test_a_root_signature_for_another_use_is_not_one_over_a_key_list() -> None:
    body = msgspec.json.encode(PLAIN)
    with pytest.raises(KeyListError, match="root"):
        opened(b"ECK1" + ROOT.sign(SNAPSHOT_DOMAIN, body) + body)


@pytest.mark.parametrize("at", range(0, len(SIGNED), 7))
def test_a_list_altered_anywhere_is_refused(at: int) -> None:
    altered = bytearray(SIGNED)
    altered[at] ^= 1
    with pytest.raises(KeyListError):
        opened(bytes(altered))


def test_a_list_names_a_bounded_number_of_keys_and_only_well_formed_ones() -> None:
    many = key_list(*(listed(Role.CODE, number, ISSUER) for number in range(MAX_KEYS + 1)))
    with pytest.raises(KeyListError, match="length"):
        opened(sign_key_list(many, root=ROOT))
    for public in ("zz" * 32, "00" * 31, "AB" * 32):
        with pytest.raises(KeyListError, match=r"keys.*public"):
            opened(sign_key_list(key_list(listed(Role.CODE, 1, ISSUER, public=public)), root=ROOT))


def test_keys_of_two_roles_may_share_an_id_and_are_told_apart() -> None:
    found = open_key_list(SIGNED, root_public=ROOT.public, institution="EC")
    code, snapshot = found.find(Role.CODE, 1), found.find(Role.SNAPSHOT, 1)
    assert code is not None
    assert snapshot is not None
    assert (code.public, snapshot.public) == (ISSUER.public.hex(), SNAPSHOT.public.hex())
    assert found.find(Role.RELEASE, 1) is None
