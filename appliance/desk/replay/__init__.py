"""Send recorded requests again: from memory, or from the masked record.

Runs in the recorder, in threads of its own; ``restored_request`` and ``sent_request`` run in the stand-in too.
"""
