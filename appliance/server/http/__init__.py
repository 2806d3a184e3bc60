"""HTTP/1.1 as bytes and rules (RFC 9110, 9112): heads, fields, bodies, framing; no sockets, no threads."""
