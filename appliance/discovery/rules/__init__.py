"""The rules that name an application, one module for each kind of evidence.

Runs in the supervisor and in commands.
"""
