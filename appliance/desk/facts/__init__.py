"""What the desk tells of the machine besides its database: processes with their memory, and installed packages.

Runs in the stand-in.
"""
