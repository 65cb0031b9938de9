"""From sealed batches to releases: staging, gates, builds, publishing, and their readers."""
