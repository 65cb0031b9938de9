"""From sealed batches to releases: staging, gates, builds, publishing, and what reads them."""
