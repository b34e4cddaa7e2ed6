"""All simulated devices on one page."""
