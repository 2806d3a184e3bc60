"""Which thread serves which connection: the listening socket, connections that wait and how long, the thread pool.

Runs in each process that has the server: worker, stand-in, library.
"""
