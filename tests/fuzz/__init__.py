"""Mutated records of every venue and format: no input may stop a refresh or get lost in it."""
