"""The commands that show what the recorder has stored. Run in the appliance's own interpreter."""
