"""Read an installer's output: which package failed, why, and what to do.

Runs in the supervisor and in commands.
"""
