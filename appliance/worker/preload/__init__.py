"""Import packages once, then fork: what is safe to preload, and what a forked worker must repair.

Runs in the preloader, and in a worker that was forked from it.
"""
