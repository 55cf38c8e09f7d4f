"""Each request counted where it was sent, reported to the load master, merged and written."""
