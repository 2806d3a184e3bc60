"""Transfers that go on without a thread: responses that clients read slowly, and bodies that clients send slowly.

Runs in each process that has the server: worker, stand-in, library.
"""
