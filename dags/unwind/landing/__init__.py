"""From the venues' bytes to sealed batches: fetching, the raw zone, the ledger, imports."""
