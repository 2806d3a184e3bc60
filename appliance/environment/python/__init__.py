"""Choose the Python that a project is installed for.

Runs in the supervisor and in commands.
"""
