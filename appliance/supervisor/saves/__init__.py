"""Which changes of files are saves, and what each needs.

Runs in the supervisor; ``reload_loops`` runs in ``appliance run --watch`` too.
"""
