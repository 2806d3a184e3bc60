"""Read what an installer printed: which package failed, why, and what to do."""
