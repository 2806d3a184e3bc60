"""The pages on which a person sends recorded requests again. What they show comes from the recorder.

Runs in the stand-in.
"""
