"""One event to one line: JSON, or text for a terminal."""
