"""The facts of an error page about an exception: the tree, its frames with source and values, the request, versions.

Runs in a worker.
"""
