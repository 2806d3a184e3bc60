"""The pages of the desk, below ``/__appliance__/``: requests, routes, reloads, errors. They read its database.

Runs in the stand-in.
"""
