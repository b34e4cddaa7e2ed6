"""The site's network: one socket to speak and be answered, and one for the group where there is one."""

import logging
import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from struct import Struct

import msgspec

from devices.lan.messages import MAX_DATAGRAM_BYTES
from devices.lan.peer import Address

PORT = 47_811
GROUP = ("239.192.69.67", PORT)
"""Administratively scoped: it does not leave the organisation."""
AT_ONCE = 500
"""Datagrams looked at before the thread rests; of a flood the rest is lost in the socket's buffer."""
REST_S = 0.02
JOIN_EVERY_S = 5.0
STUMBLED_MS = 1_000
_MEMBERSHIP = Struct("4s4s")
_ANY_INTERFACE = bytes(4)
"""INADDR_ANY: the system chooses."""


logger = logging.getLogger(__name__)


class LanError(Exception):
    """The address cannot be listened at: taken by another program, or not this machine's."""


class LanOptions(msgspec.Struct, frozen=True):
    """How a terminal reaches its neighbours: listed `peers` (host, port), a multicast `group`, or both.

    `bind` is where it listens for peers, ("", port) for all interfaces; `interface` is the address of the one that
    carries the group, "" for the system's choice.
    """

    peers: tuple[Address, ...] = ()
    bind: Address = ("", PORT)
    group: Address | None = None
    interface: str = ""


class Udp:
    """Sockets opened at once, listened to from `start` on. Raises LanError where they cannot be."""

    def __init__(self, options: LanOptions) -> None:
        self._options = options
        self._own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._group: socket.socket | None = None
        self._joined_at = 0.0
        self._bell, self._ear = socket.socketpair()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        try:
            self._open()
        except OSError as error:
            self.close()
            raise LanError(f"the site's network cannot be listened to at {options.bind}: {error}") from error

    @property
    def address(self) -> Address:
        """Where peers reach this terminal; tells the port where 0 was asked for."""
        host, port = self._own.getsockname()
        return host, port

    def send(self, data: bytes, to: Address | None) -> None:
        """To one, or to everybody; what the network does not take is lost."""
        everybody = self._options.peers + ((self._options.group,) if self._options.group is not None else ())
        for address in (to,) if to is not None else everybody:
            with suppress(OSError):
                self._own.sendto(data, address)

    def start(self, receive: Callable[[bytes, Address], None], tick: Callable[[], int]) -> None:
        """Begin to listen in a thread; once."""
        if self._thread is not None:
            return
        self._thread = threading.Thread(target=self._run, args=(receive, tick), name="ecard-lan", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and give the sockets back. May be repeated."""
        self._stopping.set()
        with suppress(OSError):
            self._bell.send(b"!")
        if self._thread is not None:
            self._thread.join(5.0)
        for each in (self._own, self._group, self._bell, self._ear):
            if each is not None:
                each.close()

    def _open(self) -> None:
        options, group = self._options, self._options.group
        self._own.setblocking(False)
        if group is None:
            self._own.bind(options.bind)
            return
        # Several terminals of one machine may share the group's port; each is answered at a port of its own.
        self._own.bind((options.bind[0], 0 if options.bind[1] == group[1] else options.bind[1]))
        if options.interface:
            self._own.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(options.interface))
        self._group = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._group.setblocking(False)
        self._group.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._group.bind(group)
        self._join()

    def _join(self) -> None:
        """An interface that is not up yet is tried again: a terminal starts without its network, too."""
        group = self._options.group
        if self._group is None or group is None:
            return
        interface = self._options.interface
        wanted = _MEMBERSHIP.pack(
            socket.inet_aton(group[0]), socket.inet_aton(interface) if interface else _ANY_INTERFACE
        )
        with suppress(OSError):
            self._group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, wanted)

    def _run(self, receive: Callable[[bytes, Address], None], tick: Callable[[], int]) -> None:
        with selectors.DefaultSelector() as selector:
            for each in (self._own, self._group, self._ear):
                if each is not None:
                    selector.register(each, selectors.EVENT_READ)
            join_in_ms = 0
            while not self._stopping.is_set():
                rest_ms = _tick_whatever_happens(tick)
                join_in_ms -= rest_ms
                if join_in_ms <= 0:
                    join_in_ms = int(JOIN_EVERY_S * 1000)
                    self._join()
                ready = [key.fileobj for key, _ in selector.select(rest_ms / 1000)]
                taken = sum(self._drain(each, receive) for each in (self._own, self._group) if each in ready)
                if taken >= AT_ONCE:
                    self._stopping.wait(REST_S)

    def _drain(self, each: socket.socket | None, receive: Callable[[bytes, Address], None]) -> int:
        for taken in range(AT_ONCE):
            if each is None or self._stopping.is_set():
                return taken
            try:
                data, source = each.recvfrom(MAX_DATAGRAM_BYTES + 1)
            except OSError:
                return taken
            try:
                receive(data, source)
            except Exception:
                logger.exception("a datagram was not digested, and the next one is heard")
        return AT_ONCE


def _tick_whatever_happens(tick: Callable[[], int]) -> int:
    """A fault nobody foresaw must not leave the terminal deaf while sales go on."""
    try:
        return tick()
    except Exception:
        logger.exception("the neighbours were not told what is due, and it is tried again")
        return STUMBLED_MS
