"""The kernel's figures: the memory of processes and its limits, the processors they may use, what each does now.

Runs in the supervisor; ``memory`` runs in ``appliance doctor`` and in ``appliance run --watch`` too.
"""
