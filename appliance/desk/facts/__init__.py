"""Facts that the desk shows and that are not in its database: processes with their memory, installed packages.

Runs in the stand-in.
"""
