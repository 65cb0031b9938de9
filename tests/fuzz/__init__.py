"""Mutated records of every venue and format: what no input may do to a refresh."""
