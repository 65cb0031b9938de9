"""The simulated market: what happens in it (`scenario`, `prices`, `positions`), what venues
publish of it (`publication`), and the tape of all of it (`tape`).
"""
