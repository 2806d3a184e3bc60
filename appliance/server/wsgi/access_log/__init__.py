"""What the server records of each request: its id, its times, its end; and where the record goes.

Runs in each process that has the server: worker, stand-in, library.
"""
