"""Which thread serves which connection: the listening socket, connections that wait and how long, the thread pool.

Runs in a worker and in the stand-in.
"""
