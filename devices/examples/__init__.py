"""Small whole programs on the SDK, to start from; each runs as a test."""
