"""What programs ask of the appliance over HTTP: the JSON of scripts, and the tools of assistants.

Runs in the stand-in.
"""
