"""The response: what an application may send, how its content is framed, and the bytes of its head.

Runs in each process that has the server: worker, stand-in, library.
"""
