"""The line between terminal and server: what each mode does to bytes in flight."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from firmware_sim.relay.line import Line, Mode

WAIT_S = 0.2
PATIENT_S = 20


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(100):
        writer.write(chunk.upper())
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def passed_up(line: Line, count: int) -> None:
    while line.bytes_up < count:
        await asyncio.sleep(0.01)


def on_a_line(talk: Callable[[Line, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> None:
    async def run() -> None:
        far = await asyncio.start_server(echo, "127.0.0.1", 0)
        line = Line("127.0.0.1", far.sockets[0].getsockname()[1])
        port = await line.listen(host="127.0.0.1", port=0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await talk(line, reader, writer)
        writer.close()
        await writer.wait_closed()
        await line.close()
        far.close()
        await asyncio.sleep(0.02)

    asyncio.run(run())


def test_a_whole_line_passes_both_ways() -> None:
    async def talk(line: Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"sale")
        assert await asyncio.wait_for(reader.read(4), PATIENT_S) == b"SALE"
        assert (line.bytes_up, line.bytes_down) == (4, 4)

    on_a_line(talk)


def test_a_cut_line_swallows_bytes_without_a_word_even_on_an_open_connection() -> None:
    async def talk(line: Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"one")
        assert await asyncio.wait_for(reader.read(3), PATIENT_S) == b"ONE"
        line.set_mode(Mode.DROP)
        writer.write(b"two")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(3), WAIT_S)
        assert line.bytes_up == 3

    on_a_line(talk)


def test_a_connection_made_on_a_cut_line_is_neither_refused_nor_answered() -> None:
    async def talk(line: Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line.set_mode(Mode.DROP)
        assert line._server is not None
        port = line._server.sockets[0].getsockname()[1]
        silent_reader, silent_writer = await asyncio.open_connection("127.0.0.1", port)
        silent_writer.write(b"hello")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(silent_reader.read(1), WAIT_S)
        silent_writer.close()
        await silent_writer.wait_closed()

    on_a_line(talk)


def test_a_cut_line_does_not_tell_the_terminal_that_the_server_hung_up() -> None:
    async def run() -> None:
        hung_up = asyncio.Event()

        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            await hung_up.wait()
            await _close(writer)

        far = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        line = Line("127.0.0.1", far.sockets[0].getsockname()[1])
        port = await line.listen(host="127.0.0.1", port=0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x")
        await asyncio.wait_for(passed_up(line, 1), PATIENT_S)
        line.set_mode(Mode.DROP)
        hung_up.set()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), WAIT_S)
        await _close(writer)
        await line.close()
        far.close()
        await asyncio.sleep(0.02)

    asyncio.run(run())


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


def test_a_half_closed_line_delivers_the_upload_and_loses_the_answer() -> None:
    async def talk(line: Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line.set_mode(Mode.HALF_CLOSE)
        writer.write(b"batch")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), WAIT_S)
        await asyncio.wait_for(passed_up(line, 5), PATIENT_S)
        assert (line.bytes_up, line.bytes_down) == (5, 0)

    on_a_line(talk)


def test_a_slow_line_delivers_late_but_whole() -> None:
    async def talk(line: Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line.set_mode(Mode.DELAY, delay_ms=150)
        writer.write(b"late")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(4), 0.1)
        assert await asyncio.wait_for(reader.read(4), PATIENT_S) == b"LATE"

    on_a_line(talk)


def test_a_delay_out_of_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and"):
        Line("127.0.0.1", 1).set_mode(Mode.DELAY, delay_ms=-1)
