"""The stand-in: a process of ours that answers while no worker can, and serves the appliance's own pages anytime.

Runs in the stand-in, in the appliance's own interpreter. It imports the server of the project's side, the desk and the
assistants' tools, and nothing of the project.
"""
