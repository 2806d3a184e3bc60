"""The response: what an application may send, how its content is framed, and the bytes of its head."""
