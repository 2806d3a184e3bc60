"""The desk's pages about the machine: processes and memory, settings, the environment's packages.

Runs in the stand-in.
"""
