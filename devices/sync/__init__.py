"""The upload and the snapshot: a protocol without input or output inside, a thread and HTTP around it."""
