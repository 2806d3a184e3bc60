"""``appliance doctor``: the checks of this machine, and what each finding says. Runs in ``appliance doctor``."""
