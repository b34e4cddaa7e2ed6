"""`python -m firmware_sim.terminal --data DIR --port 7001 --server http://127.0.0.1:7101`: one simulated device."""

import argparse
from pathlib import Path

import uvicorn

from devices.lan.peer import Address
from devices.supervisor.menu import Menu
from devices.sync.authority import LIMIT_MS
from devices.sync.http import HttpTransport
from devices.terminal import SOFTWARE, Terminal
from firmware_sim.hardware import VirtualClock
from firmware_sim.parts.asked import AskedPart
from firmware_sim.parts.base import Part
from firmware_sim.parts.cable import VirtualCable
from firmware_sim.parts.disk import VirtualDisk
from firmware_sim.parts.reader import CardFile
from firmware_sim.terminal.app import Host, terminal_app
from firmware_sim.terminal.build import KINDS, build


def main() -> None:
    """Open the SDK's terminal on virtual hardware and serve its screen until stopped."""
    given = _arguments()
    clock, disk = VirtualClock(), VirtualDisk()
    cable = VirtualCable(given.lan, given.lan_peer) if given.lan else None
    asked = AskedPart(_line_for_questions(given.server), clock)
    terminal = Terminal.open(
        given.data,
        server_url=given.server,
        clock=clock,
        lan=cable.options if cable is not None else None,
        storage=disk,
        asking=asked,
        passing=asked.passing,
    )
    asked.shows(terminal.control.explained)
    terminal.start()
    cards = CardFile(given.cards or given.data / "cards.json")
    built = build(given.kind, terminal.control, folder=given.data, clock=clock, cards=cards)
    parts: dict[str, Part] = {**built.parts, "disk": disk, "asked": asked}
    try:
        built.start()
        if cable is not None:
            cable.start()
            parts["lan"] = cable
        if given.enrol:
            terminal.enrol(given.enrol)
        host = Host(
            controls=terminal.control,
            enrol=terminal.enrol,
            clock=clock,
            line_control_url=given.line_control,
            kind=given.kind,
            loop=built.loop,
            menu=Menu(terminal.control, printer=built.printer, software=SOFTWARE),
            parts=parts,
        )
        # An open page holds its event stream for ever; it must not hold up the end of the process.
        uvicorn.run(
            terminal_app(host), host=given.host, port=given.port, log_level="warning", timeout_graceful_shutdown=1
        )
    finally:
        built.stop()
        terminal.close()
        if cable is not None:
            cable.close()


def _line_for_questions(server_url: str) -> HttpTransport:
    """As the SDK would make it: no part of a question takes longer than its whole limit."""
    limit_s = LIMIT_MS / 1000
    return HttpTransport(server_url, connect_s=limit_s, silence_s=limit_s, whole_s=limit_s)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="firmware_sim.terminal", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="where journal, snapshot and keys are kept")
    parser.add_argument("--port", type=int, required=True, help="port of its screen")
    parser.add_argument("--server", required=True, help="the server's address, or its relay's")
    parser.add_argument("--kind", choices=KINDS, default="canteen", help="which hardware it has")
    parser.add_argument("--cards", type=Path, metavar="FILE", help="JSON: number, name, uid of cards at its reader")
    parser.add_argument("--line-control", default="", help="the relay's switch, for the network buttons")
    parser.add_argument("--enrol", default="", metavar="CODE", help="enrol with this code at once")
    parser.add_argument("--host", default="127.0.0.1", help="the screen's address; the machine itself unless changed")
    parser.add_argument(
        "--lan", type=_address, metavar="HOST:PORT", help="where it hears its neighbours; alone without"
    )
    parser.add_argument(
        "--lan-peer", type=_address, metavar="HOST:PORT", action="append", default=[], help="where a neighbour hears"
    )
    return parser.parse_args()


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host, int(port)


if __name__ == "__main__":
    main()
