"""The page of a release: one HTML file with its figures, for a browser without a server."""
