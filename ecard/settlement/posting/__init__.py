"""Posting: from checked batches to the ledger, a group at a time."""
