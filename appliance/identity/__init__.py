"""Which user runs the appliance, and what that user owns: privileges, the project's owner, the cache folder.

Runs in the supervisor and in commands, before anything of the project starts.
"""
