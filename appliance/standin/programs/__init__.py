"""The answers to programs over HTTP: the JSON of scripts, and the tools of assistants.

Runs in the stand-in.
"""
