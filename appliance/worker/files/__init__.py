"""The project's files as a worker knows them: what was imported, read, written, or looked for and not found."""
