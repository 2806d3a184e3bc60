"""Which worker serves: start it, replace it after a save, end the old one.

Runs in the supervisor.
"""
