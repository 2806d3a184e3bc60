"""Compare two responses: status, fields, content by structure or by lines, queries. Every comparison has a bound.

Runs in the recorder, and in ``appliance requests``, which prints the results.
"""
