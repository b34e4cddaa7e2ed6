"""`python -m firmware_sim.relay --to 127.0.0.1:8000 --listen 7101 --control 7201`: a line with a switch.

`--listen` and `--control` may be given several times, in pairs: so many lines, each with a switch of its own.
"""

import argparse
import asyncio
from collections.abc import Sequence

import uvicorn

from firmware_sim.relay.control import control_app
from firmware_sim.relay.line import Line


def main() -> None:
    """Run the lines and their control pages until stopped."""
    parser = argparse.ArgumentParser(prog="firmware_sim.relay", description=__doc__)
    parser.add_argument("--listen", type=int, required=True, action="append", help="port the terminal connects to")
    parser.add_argument("--to", required=True, metavar="HOST:PORT", help="where the server is")
    parser.add_argument("--control", type=int, required=True, action="append", help="port of the switch, on loopback")
    given = parser.parse_args()
    if len(given.listen) != len(given.control):
        parser.error("a line has a port and a switch")
    host, _, port = given.to.rpartition(":")
    lines = [Line(host, int(port)) for _ in given.listen]
    asyncio.run(run(lines=lines, listen_ports=given.listen, control_ports=given.control))


async def run(*, lines: Sequence[Line], listen_ports: Sequence[int], control_ports: Sequence[int]) -> None:
    """Serve all ports; returns when the control servers are told to stop."""
    try:
        for line, port in zip(lines, listen_ports, strict=True):
            await line.listen(host="127.0.0.1", port=port)
        async with asyncio.TaskGroup() as together:
            for line, port in zip(lines, control_ports, strict=True):
                config = uvicorn.Config(control_app(line), host="127.0.0.1", port=port, log_level="warning")
                together.create_task(uvicorn.Server(config).serve())
    finally:
        for line in lines:
            await line.close()


if __name__ == "__main__":
    main()
