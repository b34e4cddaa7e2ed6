"""Ed25519 with a domain string before every message, so that a signature for one use never serves another.

A domain is ASCII and ends in NUL. Keys are raw: 32-byte seed, 32-byte public key, 64-byte signature.
"""

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import CryptoError

PUBLIC_BYTES = 32
SEED_BYTES = 32
SIGNATURE_BYTES = 64

CODE_DOMAIN = b"ecard/code/1/issuer\0"
MOMENT_DOMAIN = b"ecard/code/1/moment\0"
CODE_ID_DOMAIN = b"ecard/code/1/id\0"
KEY_LIST_DOMAIN = b"ecard/key-list/1\0"
SNAPSHOT_DOMAIN = b"ecard/snapshot/1\0"
POLICY_DOMAIN = b"ecard/policy/1\0"
BATCH_DOMAIN = b"ecard/batch/1\0"
REQUEST_DOMAIN = b"ecard/request/1\0"
RECORD_DOMAIN = b"ecard/record/1\0"
LAN_DOMAIN = b"ecard/lan/1\0"
LAN_KEY_DOMAIN = b"ecard/lan-key/1\0"
LAN_PASS_DOMAIN = b"ecard/lan-pass/1\0"
AUTHORISED_DOMAIN = b"ecard/authorised/1\0"


class SigningKey:
    """A private key held in memory, expanded once so that each signature costs one operation."""

    __slots__ = ("_secret", "public")

    def __init__(self, seed: bytes) -> None:
        self.public, self._secret = crypto_sign_seed_keypair(seed)

    def sign(self, domain: bytes, message: bytes) -> bytes:
        """The 64-byte signature over domain + message."""
        return crypto_sign(domain + message, self._secret)[:SIGNATURE_BYTES]

    def __repr__(self) -> str:
        return f"SigningKey(public={self.public.hex()})"


def verifies(*, public: bytes, domain: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is `public`'s over domain + message; malformed input is simply False."""
    if len(public) != PUBLIC_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        crypto_sign_open(signature + domain + message, public)
    except CryptoError:
        return False
    return True
