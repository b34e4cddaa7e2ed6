"""`python -m firmware_sim.terminal --data DIR --port 7001 --server http://127.0.0.1:7101`: one simulated terminal."""

import argparse
from pathlib import Path

import uvicorn

from devices.terminal import Terminal
from firmware_sim.hardware import VirtualClock
from firmware_sim.terminal.app import Host, terminal_app


def main() -> None:
    """Open the SDK's terminal on virtual hardware and serve its screen until stopped."""
    parser = argparse.ArgumentParser(prog="firmware_sim.terminal", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="where journal, snapshot and keys are kept")
    parser.add_argument("--port", type=int, required=True, help="port of its screen")
    parser.add_argument("--server", required=True, help="the server's address, or its relay's")
    parser.add_argument("--line-control", default="", help="the relay's switch, for the network buttons")
    parser.add_argument("--enrol", default="", metavar="CODE", help="enrol with this code at once")
    parser.add_argument("--host", default="127.0.0.1", help="the screen's address; the machine itself unless changed")
    given = parser.parse_args()
    clock = VirtualClock()
    terminal = Terminal.open(given.data, server_url=given.server, clock=clock)
    terminal.start()
    try:
        if given.enrol:
            terminal.enrol(given.enrol)
        host = Host(controls=terminal.control, enrol=terminal.enrol, clock=clock, line_control_url=given.line_control)
        # An open page holds its event stream for ever; it must not hold up the end of the process.
        uvicorn.run(
            terminal_app(host), host=given.host, port=given.port, log_level="warning", timeout_graceful_shutdown=1
        )
    finally:
        terminal.close()


if __name__ == "__main__":
    main()
