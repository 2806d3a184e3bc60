"""Which thread serves which connection: the listening socket, waiting connections, the thread pool and its watchdog.

Runs in each process that has the server: worker, stand-in, library.
"""
