"""Tables of a study: students of several sweeps together, by their settings or by how near the best they are."""
