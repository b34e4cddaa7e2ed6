"""Terminals of one site tell each other what they sold, without a server: signed, sealed, over UDP."""
