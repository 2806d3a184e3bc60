"""The access record of each request: its id, its times, its end; and the sink that takes it.

Runs in each process that has the server: worker, stand-in, library.
"""
