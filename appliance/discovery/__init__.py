"""Find the application: read the project's files, never run them, and report why one was chosen.

This package knows nothing of environments or installers. Runs in the supervisor and in commands.
"""
