"""After the sweep: fronts, tables, files and one self-contained page, from an experiment folder.

The map of the room is in README.md beside this file.
"""
