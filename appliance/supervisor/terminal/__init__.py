"""The terminal that the appliance may run in: its keys, and what each does."""
