"""Real tests as examples: mine them, import published formats, split by file, drop duplicates."""
