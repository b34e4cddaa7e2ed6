"""What can come from a file."""

from __future__ import annotations

from ecard.imports.kinds.base import Kind
from ecard.imports.kinds.groups import Groups
from ecard.imports.kinds.members import Members
from ecard.imports.kinds.people import People
from ecard.imports.kinds.products import Products
from ecard.imports.kinds.programmes import Programmes

KINDS: dict[str, Kind] = {kind.name: kind for kind in (People(), Groups(), Members(), Products(), Programmes())}
