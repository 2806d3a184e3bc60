"""Import the project ahead of the next save, fork workers from there, and swap the function bodies that were saved.

Runs in the snapshot, a process that the preloader has forked, and in workers that were forked from it.
"""
