"""Settings: flags, variables and ``.env`` files become one frozen ``Settings`` object; their documentation.

Runs in the supervisor and in commands. ``__main__`` reads the environment once; this package gets it as an argument.
"""
