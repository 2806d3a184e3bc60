"""Offer the remedies of a failure, and run the one whose button is pressed. Runs in the supervisor."""
