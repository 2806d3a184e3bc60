"""Keep a snapshot of the project for the next save: make it, verify the swaps of its forks, and replace it.

Runs in the supervisor.
"""
