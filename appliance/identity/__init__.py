"""Which user runs the appliance, and what that user owns: privileges, the project's owner, the cache folder.

Runs in the appliance's own interpreter, before anything of the project starts.
"""
