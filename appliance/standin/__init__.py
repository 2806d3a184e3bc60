"""The stand-in: a process of ours that answers while no worker can, and serves the appliance's own pages anytime."""
