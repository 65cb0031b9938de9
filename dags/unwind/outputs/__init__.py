"""Copies of a home elsewhere: marts in PostgreSQL, raw zone and releases in object storage.

None of them is needed. Each is made from what is published or sealed, whole or not at all, and
nothing of the home depends on it.
"""
