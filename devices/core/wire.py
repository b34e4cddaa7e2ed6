"""What reading someone else's JSON needs: numbers that fit a database, and every error that decoding can raise."""

from typing import Annotated

import msgspec

MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Besides its own errors msgspec raises these two, for a broken UTF-8 text and for deep nesting."""

Whole = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""A whole number of 64 bits, as amounts, times and account refs are."""
Id = Annotated[int, msgspec.Meta(ge=0, le=(1 << 31) - 1)]
"""A row's number: a site, an outlet, a programme, a policy; 0 for none."""
Positive = Annotated[int, msgspec.Meta(ge=1, le=(1 << 63) - 1)]
