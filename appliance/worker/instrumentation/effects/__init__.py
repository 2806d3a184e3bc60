"""What a request did, except its queries: outgoing calls, mail, templates, cache; noted by hooks into libraries.

Runs in a worker; ``request_effects`` is loaded in the stand-in, but never runs in the stand-in.
"""
