"""The messages between the supervisor and its children, and how they travel.

Runs in every process of both sides, so it uses only the standard library, and runs on every Python that a project can
have.
"""
