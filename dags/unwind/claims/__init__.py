"""Sentences about liquidations, judged on a release (docs/claims.md)."""
