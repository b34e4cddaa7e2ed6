"""The cable from a terminal to the network of its site, with a plug: out of the wall, it neither sends nor hears.

The SDK listens within this machine alone and knows a face of each neighbour here; the cable carries what it says to a
face on to that neighbour, and gives it what comes from there as if that face had said it.
"""

import selectors
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from devices.lan.peer import Address
from devices.lan.udp import LanOptions
from firmware_sim.parts.base import read_form

LOOPBACK = "127.0.0.1"
MAX_BYTES = 2_048
AT_ONCE = 500
LOOK_S = 0.2


class CableForm(msgspec.Struct, frozen=True):
    """Pull the plug, or put it back."""

    plugged: bool


class CableState(msgspec.Struct, frozen=True):
    """For the page."""

    plugged: bool


class VirtualCable:
    """Neighbours reach the terminal at `there`, and it them at `peers`; the SDK is given `options`.

    `lost` counts the datagrams that found no way.
    """

    def __init__(self, there: Address, peers: Sequence[Address]) -> None:
        self.plugged, self.lost = True, 0
        self._sdk: Address | None = None
        self._there = _socket_at(there)
        self._faces = {peer: _socket_at((LOOPBACK, 0)) for peer in peers}
        self._peer_of = {face: peer for peer, face in self._faces.items()}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lan-cable", daemon=True)

    @property
    def options(self) -> LanOptions:
        """How the SDK reaches its neighbours."""
        faces = tuple((LOOPBACK, int(face.getsockname()[1])) for face in self._faces.values())
        return LanOptions(peers=faces, bind=(LOOPBACK, 0))

    def start(self) -> None:
        """Begin to carry, in a thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop, and give the sockets back."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5.0)
        for each in (self._there, *self._peer_of):
            each.close()

    def state(self) -> CableState:
        """For the page."""
        return CableState(self.plugged)

    def press(self, form: bytes) -> None:
        """The plug is pulled or put back."""
        self.plugged = read_form(form, CableForm).plugged

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for each in (self._there, *self._peer_of):
                selector.register(each, selectors.EVENT_READ)
            while not self._stopping.is_set():
                for key, _ in selector.select(LOOK_S):
                    self._carry(key.fileobj)

    def _carry(self, at: object) -> None:
        with suppress(OSError):
            for _datagram in range(AT_ONCE):
                if at is self._there:
                    self._hear(*self._there.recvfrom(MAX_BYTES))
                elif isinstance(at, socket.socket):
                    data, self._sdk = at.recvfrom(MAX_BYTES)
                    self._say(data, self._peer_of[at])

    def _say(self, data: bytes, peer: Address) -> None:
        if not self.plugged:
            self.lost += 1
            return
        with suppress(OSError):
            self._there.sendto(data, peer)

    def _hear(self, data: bytes, source: Address) -> None:
        """Only of listed neighbours, and not before the SDK has said where it listens: it speaks first."""
        face = self._faces.get(source)
        if not self.plugged or face is None or self._sdk is None:
            self.lost += 1
            return
        with suppress(OSError):
            face.sendto(data, self._sdk)


def _socket_at(address: Address) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.bind(address)
    return made
