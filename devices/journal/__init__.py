"""The durable journal: every record on disk before anything is shown, until the server is known to have it."""
