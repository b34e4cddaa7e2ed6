"""The card office's desk: what administrators see first, the nightly audit, and who is locked out."""
