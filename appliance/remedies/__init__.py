"""Remedies: what a page offers to run or change, made from a named need; each is shown exactly before it is done."""
