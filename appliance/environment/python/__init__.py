"""Choose the Python that a project is installed for.

Runs in the installer, in commands and in the supervisor.
"""
