"""Compare two responses: status, fields, content by structure or by lines, queries. Every comparison has a bound.

Runs in the recorder; ``appliance requests`` prints its results.
"""
