"""How the API's schema names a terminal's signature."""

from __future__ import annotations

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


class TerminalSignature(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its metaclass is untyped
    """An Ed25519 signature over method, target, time and body."""

    target_class = "ecard.terminals.authentication.TerminalAuthentication"
    name = "terminalSignature"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "Ecard-Terminal <terminal>.<unix ms>.<Ed25519 signature in hex>",
        }
