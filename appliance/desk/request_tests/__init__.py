"""A recorded request as a test of the project: its text, and the file that a person has chosen for it.

Runs in the stand-in.
"""
