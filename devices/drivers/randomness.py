"""Randomness as the hardware gives it."""

import secrets
from typing import Protocol

_FRACTION_BITS = 53


class Randomness(Protocol):
    """Keys, epochs and jitter are drawn from here."""

    def token(self, size_bytes: int) -> bytes:
        """That many unpredictable bytes."""
        ...

    def fraction(self) -> float:
        """Even in [0, 1): spreads retries, and is no secret."""
        ...


class SystemRandomness:
    """The operating system's generator."""

    def token(self, size_bytes: int) -> bytes:
        """That many unpredictable bytes."""
        return secrets.token_bytes(size_bytes)

    def fraction(self) -> float:
        """Even in [0, 1)."""
        return secrets.randbits(_FRACTION_BITS) / (1 << _FRACTION_BITS)


def draw_epoch(randomness: Randomness) -> int:
    """A journal epoch: random, positive, 63 bits."""
    return int.from_bytes(randomness.token(8), "big") >> 1 or 1
