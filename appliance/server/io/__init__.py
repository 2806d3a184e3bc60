"""Bytes to and from a connection: sockets, TLS, polling, and the waits for a client.

Runs in each process that has the server: worker, stand-in, library.
"""
