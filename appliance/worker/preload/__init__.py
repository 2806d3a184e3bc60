"""Import packages once, then fork: what is safe to preload, and what a forked worker must repair."""
