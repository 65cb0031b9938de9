"""Self-excitation of liquidations: how far one liquidation brings about the next.

Pure functions over NumPy arrays. `instants.spread_ties` dates events that share an instant,
`hawkes.fit` fits a Hawkes process to them. Only the fit imports SciPy.
"""
