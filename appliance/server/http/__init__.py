"""HTTP/1.1 as bytes and rules (RFC 9110 and 9112): heads, fields, bodies, framing. Uses no sockets and no threads.

Runs in each process that has the server: worker, stand-in, library.
"""
