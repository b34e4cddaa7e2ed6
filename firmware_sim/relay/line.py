"""The line itself: bytes pass, vanish, come late, or pass in one direction only."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

CHUNK_BYTES = 16 * 1024
MAX_CONNECTIONS = 64
MAX_DELAY_MS = 60_000


class Mode(StrEnum):
    """What the line does with bytes, from the moment the mode is set and for open connections too.

    drop swallows them silently, as a cut cable does; half_close lets the terminal's bytes through and loses the
    server's answers, which is how an upload arrives without its acknowledgement.
    """

    THROUGH = "pass"
    DROP = "drop"
    DELAY = "delay"
    HALF_CLOSE = "half_close"


@dataclass
class Line:
    """One listening relay. `set_mode` may be called at any time on the loop's thread."""

    target_host: str
    target_port: int
    mode: Mode = Mode.THROUGH
    delay_ms: int = 300
    bytes_up: int = 0
    bytes_down: int = 0
    _server: asyncio.Server | None = field(default=None, repr=False)
    _talks: set[asyncio.Task[None]] = field(default_factory=set, repr=False)

    async def listen(self, *, host: str, port: int) -> int:
        """Start; the port that was bound is returned (give 0 for any free one)."""
        self._server = await asyncio.start_server(self._serve, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and end what is open."""
        if self._server is not None:
            self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._talks)

    def set_mode(self, mode: Mode, *, delay_ms: int | None = None) -> None:
        """Change what happens to bytes from now on. Raises ValueError for a delay out of bounds."""
        if delay_ms is not None:
            if not 0 <= delay_ms <= MAX_DELAY_MS:
                raise ValueError(f"a delay is between 0 and {MAX_DELAY_MS} ms")
            self.delay_ms = delay_ms
        self.mode = mode

    def _is_cut(self) -> bool:
        return self.mode is Mode.DROP

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        if talk is None or len(self._talks) >= MAX_CONNECTIONS:
            writer.close()
            return
        self._talks.add(talk)
        try:
            with suppress(asyncio.CancelledError):
                await self._join(reader, writer)
        finally:
            self._talks.discard(talk)
            await _end(writer)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut():
            await _swallow(reader)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(self.target_host, self.target_port)
        except OSError:
            return
        try:
            up = asyncio.create_task(self._pump(reader, far_writer, upwards=True))
            down = asyncio.create_task(self._pump(far_reader, writer, upwards=False))
            _, waiting = await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        finally:
            await _end(far_writer)
        if self._is_cut():
            await _swallow(reader)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, upwards: bool) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(CHUNK_BYTES):
                if self.mode is Mode.DELAY:
                    await asyncio.sleep(self.delay_ms / 1000)
                if self.mode is Mode.DROP or (self.mode is Mode.HALF_CLOSE and not upwards):
                    continue
                if upwards:
                    self.bytes_up += len(chunk)
                else:
                    self.bytes_down += len(chunk)
                writer.write(chunk)
                await writer.drain()


async def _swallow(reader: asyncio.StreamReader) -> None:
    """A cut line neither refuses nor hangs up: the terminal's own time-out has to notice."""
    with suppress(ConnectionError):
        while await reader.read(CHUNK_BYTES):
            pass


async def _end(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
