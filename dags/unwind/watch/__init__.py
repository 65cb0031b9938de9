"""What has changed since it was last notified: regimes, warnings, classes, episodes, data faults.

`watch.watch` compares the current release with the home's own record (watch/state.json) and sends
each change once to each channel. docs/watching.md.
"""
