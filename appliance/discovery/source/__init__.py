"""Read Python source without running it: modules, scopes, names, and what a name is bound to.

Runs in the supervisor and in commands.
"""
