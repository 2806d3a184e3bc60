"""The terminal of the appliance, if it has one: its keys, and what each does. Runs in the supervisor."""
