"""A shop's own register asks a terminal beside it to collect an amount: `TILL.md` is the page for its maker."""
