"""HTTP over httpx, with a limit on everything."""

import time
from collections.abc import Mapping

import httpx

from devices.drivers.network import Answer, NoAnswer

CONNECT_S = 3.0
SILENCE_S = 10.0
WHOLE_S = 60.0


class HttpTransport:
    """One server, one kept-alive connection. Proxies and credentials of the environment are not used."""

    def __init__(
        self,
        server_url: str,
        *,
        connect_s: float = CONNECT_S,
        silence_s: float = SILENCE_S,
        whole_s: float = WHOLE_S,
    ) -> None:
        self._whole_s = whole_s
        self._client = httpx.Client(
            base_url=server_url.rstrip("/"),
            timeout=httpx.Timeout(silence_s, connect=connect_s),
            limits=httpx.Limits(max_connections=2, max_keepalive_connections=1, keepalive_expiry=30.0),
            follow_redirects=False,
            trust_env=False,
        )

    def request(self, method: str, target: str, *, body: bytes, headers: Mapping[str, str], limit_bytes: int) -> Answer:
        """Raises NoAnswer for a line that breaks, is silent or slow, and for an answer over `limit_bytes`."""
        until_s = time.monotonic() + self._whole_s
        try:
            with self._client.stream(method, target, content=body, headers=dict(headers)) as response:
                received = bytearray()
                for part in response.iter_bytes():
                    received += part
                    if len(received) > limit_bytes:
                        raise NoAnswer(f"the answer is over {limit_bytes} bytes")
                    if time.monotonic() > until_s:
                        raise NoAnswer(f"the answer took over {self._whole_s:g} s")
                found = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, bytes(received), found)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Give back the connection."""
        self._client.close()
