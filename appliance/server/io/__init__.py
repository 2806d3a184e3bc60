"""Bytes to and from a connection: sockets, TLS, polling, and the waits for a client."""
