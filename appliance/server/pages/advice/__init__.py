"""Advise on an exception that a new project meets: the reason, what helps, and the remedy that a page may offer.

Runs in a worker, after an exception; the stand-in shows what a worker has sent.
"""
