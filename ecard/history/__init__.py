"""What became of the rules: every change, by whom and when, from what to what. Written by the database itself."""
