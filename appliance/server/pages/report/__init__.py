"""What an error page says of an exception: the tree, its frames with source and values, the request, versions.

Runs in a worker.
"""
