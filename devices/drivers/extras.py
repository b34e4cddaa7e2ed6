"""Optional parts of the SDK: what is missing is said with the command that brings it."""

from importlib import import_module
from types import ModuleType

DISTRIBUTION = "ecard-devices"


class MissingExtra(ImportError):
    """A driver needs a package that was not installed: whoever set up the device. The message says the command."""

    def __init__(self, extra: str, *, needs: str) -> None:
        super().__init__(f'{needs} is not installed: pip install "{DISTRIBUTION}[{extra}]"')
        self.extra = extra


def load(module: str, *, extra: str, needs: str) -> ModuleType:
    """The module, imported at first use, so that a device without it needs nothing of it. Raises MissingExtra."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(extra, needs=needs) from error
