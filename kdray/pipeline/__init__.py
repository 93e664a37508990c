"""From a sweep file to its front: capture what is missing, run the search, report."""
