"""The supervisor's menu: a PIN, and what two eyes or four may do at a terminal that has no line."""
