"""Send recorded requests again: from memory, or from the masked record.

Runs in the recorder, in threads of its own; ``sent_request`` in the stand-in too.
"""
