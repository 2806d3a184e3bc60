"""What a request did besides its queries: outgoing calls and the like, noted by hooks into the libraries that do it.

Runs in a worker.
"""
