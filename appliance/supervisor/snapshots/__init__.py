"""Keep a snapshot of the project for the next save: make it, verify what was swapped in its copies, and replace it.

Runs in the supervisor.
"""
