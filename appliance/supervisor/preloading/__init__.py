"""Preload for the next worker: which modules, in which process, and when that process is made again.

Runs in the supervisor; ``preload_cache`` runs in ``appliance check`` too, which only reads the list.
"""
