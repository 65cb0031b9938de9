"""Estimates of what venues did not publish: events and dollars, with intervals that hold.

Pure functions over NumPy arrays. `channels.estimate` gives the moments of each channel-hour;
`moments.added` sums them over channels, hours, assets or venues; `intervals` makes intervals,
shares and rankings of the sums. `tables.estimate_table` is the same for columns from DuckDB.
`calibration` tries all of it on tapes whose truth is known: docs/coverage.md.
"""
