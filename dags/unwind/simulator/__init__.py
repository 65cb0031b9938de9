"""A market simulator and a loopback server that serves the venues' protocols.

`episode.default_tape()` generates the seed episode; `server.Simulator` serves it; `segments`
writes what a recorder would have left behind. Nothing here reads a clock: the same seed gives the
same bytes.
"""
