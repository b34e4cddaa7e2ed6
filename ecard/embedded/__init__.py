"""Engines that come in wheels, started and stopped by us: PostgreSQL and Redis.

For the demo and the tests; production names its own servers. No Django here.
"""

from ecard.embedded.errors import EngineError
from ecard.embedded.ports import any_port, free_port
from ecard.embedded.postgres import DatabaseAddresses, EmbeddedPostgres
from ecard.embedded.redis import EmbeddedRedis

__all__ = ["DatabaseAddresses", "EmbeddedPostgres", "EmbeddedRedis", "EngineError", "any_port", "free_port"]
