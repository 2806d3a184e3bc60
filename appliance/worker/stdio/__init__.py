"""What the project prints and logs, on its way to the supervisor."""
