"""Child processes: start them, hold a handle for each, watch their memory, end them with the supervisor.

Runs in the supervisor; ``memory`` runs in ``appliance doctor`` too, ``reaper`` in ``appliance run --watch``.
"""
