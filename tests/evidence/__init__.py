"""What totals published by others say about the stress score: the tables in docs/evidence.md."""
