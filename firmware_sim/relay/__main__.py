"""`python -m firmware_sim.relay --listen 7101 --to 127.0.0.1:8000 --control 7201`: a line with a switch."""

import argparse
import asyncio

import uvicorn

from firmware_sim.relay.control import control_app
from firmware_sim.relay.line import Line


def main() -> None:
    """Run the relay and its control page until stopped."""
    parser = argparse.ArgumentParser(prog="firmware_sim.relay", description=__doc__)
    parser.add_argument("--listen", type=int, required=True, help="port the terminal connects to")
    parser.add_argument("--to", required=True, metavar="HOST:PORT", help="where the server is")
    parser.add_argument("--control", type=int, required=True, help="port of the switch (loopback only)")
    given = parser.parse_args()
    host, _, port = given.to.rpartition(":")
    asyncio.run(run(line=Line(host, int(port)), listen_port=given.listen, control_port=given.control))


async def run(*, line: Line, listen_port: int, control_port: int) -> None:
    """Serve both ports; returns when the control server is told to stop."""
    await line.listen(host="127.0.0.1", port=listen_port)
    config = uvicorn.Config(control_app(line), host="127.0.0.1", port=control_port, log_level="warning")
    try:
        await uvicorn.Server(config).serve()
    finally:
        await line.close()


if __name__ == "__main__":
    main()
