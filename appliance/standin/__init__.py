"""The stand-in: a process of ours that answers while no worker can, and serves the appliance's own pages anytime.

Runs in the appliance's own interpreter, as a child of the supervisor, and imports the project's side alone.
"""
