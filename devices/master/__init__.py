"""The master control: boot → enrolled → ready → tap → decide → journal → show → upload, for every device kind."""
