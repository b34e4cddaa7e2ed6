"""A TCP relay that stands for the line between a terminal and the server; neither end is told what it does."""
