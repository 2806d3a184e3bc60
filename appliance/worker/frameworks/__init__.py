"""One module for each framework, or way to start one, that the worker must know.

Runs in a worker.
"""
