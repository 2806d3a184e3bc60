"""Settings: flags, variables and ``.env`` files become one frozen ``Settings`` object; their documentation.

Runs in the appliance's own interpreter. ``__main__`` reads the environment once; this package gets it as an argument.
"""
