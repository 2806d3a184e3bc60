"""Hosts: the grammar of the Host field, and which hosts are served (the rest may be DNS rebinding).

Runs in each process that has the server: worker, stand-in, library.
"""
