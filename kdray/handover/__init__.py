"""A student on its way to whoever uses it; `README.md` has the map."""
