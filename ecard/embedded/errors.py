class EngineError(Exception):
    """An engine would not start or stop: the machine is at fault, and the text says how."""
