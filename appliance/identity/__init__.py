"""Which user runs, and what that user owns: privileges, the project's owner, the folder in the cache volume.

Runs in the appliance's own interpreter, before anything of the project is started.
"""
