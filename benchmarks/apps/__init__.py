"""Applications that every server under measurement serves."""
