"""The line between a terminal and a vending or milk cabinet: `CABINET.md` is the page for makers."""
