"""The start of a child: the first message to it, with its options.

Runs in every process of both sides, as the messages that follow.
"""
