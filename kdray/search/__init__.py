"""What to try next and what to stop: the space, samplers, constraints, halving. No Ray, no files.

See README.md for terms and a map.
"""
