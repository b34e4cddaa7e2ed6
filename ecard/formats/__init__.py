"""How dates and times are written, by language: 24 hours, and no month that reads as a day."""
