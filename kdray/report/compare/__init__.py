"""Sweeps side by side, and their students together: by settings, or by how near the best they are."""
