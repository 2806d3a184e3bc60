"""Read which packages a project depends on, from any of the files that declare them.

Nothing here chooses a Python or installs anything. Runs in the supervisor and in commands.
"""
