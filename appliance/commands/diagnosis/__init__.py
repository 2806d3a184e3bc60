"""``appliance doctor``: the checks of this machine, and what each finding says. Run in our own interpreter."""
