"""Bytes to and from a connection: sockets, TLS, polling, clients that send or read slowly."""
