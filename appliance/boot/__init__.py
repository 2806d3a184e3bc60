"""Before any process starts: read the environment, decide, install.

Owns what is known of the project without running it: its settings, its application, its interpreter, its dependencies
and its owner. Must not know of processes, sockets or logs, and never imports the project's code. Runs in the
appliance's own interpreter: in the supervisor, and in the commands.
"""
