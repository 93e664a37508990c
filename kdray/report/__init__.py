"""After the sweep: fronts, tables, files and one self-contained page, from an experiment folder."""
