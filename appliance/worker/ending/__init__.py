"""The end of a worker: why it can't go on, which background work is cut, and the exit itself.

Runs in a worker.
"""
