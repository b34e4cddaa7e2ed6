"""Pure rules shared by server and terminal: no I/O, no clock, no randomness; callers pass them in."""
