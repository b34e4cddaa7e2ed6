"""`python -m firmware_sim.gallery --port 7000 --devices FILE`: a page that lists simulated devices, live."""

import argparse
from pathlib import Path

import msgspec
import uvicorn

from firmware_sim.gallery.app import Listed, gallery_app


def main() -> None:
    """Serve the page until stopped."""
    parser = argparse.ArgumentParser(prog="firmware_sim.gallery", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port of the page")
    parser.add_argument("--devices", type=Path, required=True, metavar="FILE", help="JSON: kind, zh, en, url of each")
    parser.add_argument("--host", default="127.0.0.1", help="the page's address; the machine itself unless changed")
    given = parser.parse_args()
    devices = msgspec.json.decode(given.devices.read_bytes(), type=tuple[Listed, ...])
    uvicorn.run(
        gallery_app(devices), host=given.host, port=given.port, log_level="warning", timeout_graceful_shutdown=1
    )


if __name__ == "__main__":
    main()
