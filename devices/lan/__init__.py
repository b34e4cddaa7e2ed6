"""Terminals of a site tell each other what they sold and who went through, with no server: signed, sealed, over UDP."""
