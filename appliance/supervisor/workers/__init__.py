"""Which worker serves: start it, replace it after a save, preload for the next one, retire the old one."""
