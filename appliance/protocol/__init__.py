"""What the supervisor and its children say to each other, and how it travels.

Both sides import it, so it uses the standard library alone and runs on every Python that a project can have.
"""
