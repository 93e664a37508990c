"""The embedded default: a corpus from installed packages, a packaged teacher, a sweep of minutes."""
