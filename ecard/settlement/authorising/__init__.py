"""Online authorisation: money held for a sale that a terminal is about to make, until its record comes."""
