"""MetaCompress's table for any pair of models: JSON, Markdown, text for a terminal, one HTML page."""
