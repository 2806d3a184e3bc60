"""Settings: flags, variables and ``.env`` files become one frozen ``Settings``, and the reference that documents them.

Runs in the appliance's own interpreter. It reads the environment once; nothing else reads it.
"""
