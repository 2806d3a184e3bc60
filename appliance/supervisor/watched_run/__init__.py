"""``appliance run --watch``: run a command again after each save. Runs in the process of that command."""
