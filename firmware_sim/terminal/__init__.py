"""A simulated canteen terminal: the real SDK in a process of its own, its screen in the browser."""
