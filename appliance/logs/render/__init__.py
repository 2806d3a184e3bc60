"""Render one event as one line: JSON, or text for a terminal."""
