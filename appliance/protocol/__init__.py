"""The messages between the supervisor and its children, and how they travel.

Both sides import this package, so it uses only the standard library, and runs on every Python that a project can have.
"""
