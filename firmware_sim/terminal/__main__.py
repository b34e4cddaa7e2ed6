"""`python -m firmware_sim.terminal --data DIR --port 7001 --server http://127.0.0.1:7101`: one simulated device."""

import argparse
from pathlib import Path

import uvicorn

from devices.lan.peer import Address
from devices.lan.udp import LanOptions
from devices.supervisor.menu import Menu
from devices.terminal import SOFTWARE, Terminal
from firmware_sim.hardware import VirtualClock
from firmware_sim.parts.disk import VirtualDisk
from firmware_sim.parts.reader import CardFile
from firmware_sim.terminal.app import Host, terminal_app
from firmware_sim.terminal.build import KINDS, build


def main() -> None:
    """Open the SDK's terminal on virtual hardware and serve its screen until stopped."""
    given = _arguments()
    clock, disk = VirtualClock(), VirtualDisk()
    lan = LanOptions(peers=tuple(given.lan_peer), bind=given.lan) if given.lan else None
    terminal = Terminal.open(given.data, server_url=given.server, clock=clock, lan=lan, storage=disk)
    terminal.start()
    cards = CardFile(given.cards or given.data / "cards.json")
    built = build(given.kind, terminal.control, folder=given.data, clock=clock, cards=cards)
    try:
        built.start()
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
            parts={**built.parts, "disk": disk},
        )
        # An open page holds its event stream for ever; it must not hold up the end of the process.
        uvicorn.run(
            terminal_app(host), host=given.host, port=given.port, log_level="warning", timeout_graceful_shutdown=1
        )
    finally:
        built.stop()
        terminal.close()


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
