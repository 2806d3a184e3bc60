"""Describe the state that an import has left, as hashes: to compare a swap of functions with a fresh import.

Runs in forks of the snapshot that compare, and then end.
"""
