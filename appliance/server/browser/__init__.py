"""The script of live reload, added to the documents that a browser navigates to; everything else is unchanged.

Runs in a worker and in the stand-in.
"""
