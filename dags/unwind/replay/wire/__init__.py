"""The venues' wire formats.

Pure functions from a tape and an instant to the bytes that a venue would send.
"""
