"""What the project wrote and logged, to events: lines, tracebacks, records."""
