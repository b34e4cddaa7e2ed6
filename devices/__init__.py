"""The terminal SDK: what a device needs to recognise a person, decide a sale and keep it. No Django."""
