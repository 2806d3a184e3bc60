"""The rows of the table of settings: one module for each group of settings.

Runs in the supervisor and in commands.
"""
