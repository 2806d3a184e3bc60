"""Settings: flags, variables and ``.env`` files become one frozen ``Settings`` object; their documentation.

Runs in the appliance's own interpreter. This package reads the environment once; no other module reads it.
"""
