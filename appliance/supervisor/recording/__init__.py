"""What the supervisor does for the desk: it gives the recorder a copy of the log, and names the database."""
