"""Simulations that the docs quote; each runs the models themselves, with a fixed seed."""
