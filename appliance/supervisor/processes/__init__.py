"""Child processes: start them, hold a handle for each, end them with the supervisor.

Runs in the supervisor; ``reaper`` runs in ``appliance run --watch`` too.
"""
