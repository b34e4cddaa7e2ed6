"""Records from files and back: read, previewed, applied through the operations of their apps, and undone."""
