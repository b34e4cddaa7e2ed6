"""Encryption of what a device keeps: XChaCha20-Poly1305, each item bound to the place it was written for."""

from hashlib import blake2b

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
)
from nacl.exceptions import CryptoError

from devices.drivers.randomness import Randomness

KEY_BYTES = 32
NAME_BYTES = 16
_NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES


class VaultError(Exception):
    """Stored bytes do not open: another device's, moved from their place, or damaged."""


class Vault:
    """Seals items under the device's storage key, and names them so that the name tells nothing."""

    __slots__ = ("_key", "_name_key", "_randomness")

    def __init__(self, key: bytes, *, randomness: Randomness) -> None:
        self._key = blake2b(b"seal", key=key, digest_size=KEY_BYTES).digest()
        self._name_key = blake2b(b"name", key=key, digest_size=KEY_BYTES).digest()
        self._randomness = randomness

    def seal(self, plain: bytes, *, place: bytes) -> bytes:
        """Nonce + ciphertext; opens only at the same `place`."""
        nonce = self._randomness.token(_NONCE_BYTES)
        return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(plain, place, nonce, self._key)

    def open(self, sealed: bytes, *, place: bytes) -> bytes:
        """Raises VaultError."""
        nonce, cipher = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return crypto_aead_xchacha20poly1305_ietf_decrypt(cipher, place, nonce, self._key)
        except (CryptoError, ValueError, TypeError) as error:
            raise VaultError("a stored item does not open") from error

    def name(self, plain: bytes) -> bytes:
        """A keyed hash: the same for the same `plain` on this device, and meaningless elsewhere."""
        return blake2b(plain, key=self._name_key, digest_size=NAME_BYTES).digest()

    def __repr__(self) -> str:
        return "Vault()"
