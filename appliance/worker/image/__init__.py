"""Import the project ahead of the next save, and fork workers from there: what is safe to do so, and what is not.

Runs in the image, a process that the preloader has forked.
"""
