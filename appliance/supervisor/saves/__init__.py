"""Decide which changes of files are saves, and what each save needs.

Runs in the supervisor; ``reload_loops`` runs in ``appliance run --watch`` too.
"""
