"""Read an installer's output: which package failed, why, and what to do.

Runs in the installer and in the supervisor.
"""
