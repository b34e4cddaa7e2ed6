"""Virtual hardware for the terminal SDK: a screen in the browser, a line that can be cut, a power button."""
