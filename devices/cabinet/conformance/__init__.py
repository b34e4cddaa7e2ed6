"""A test that makers run against their own hardware: `python -m devices.cabinet.conformance --help`."""
