"""What a model is asked to do: encode an example, and judge an answer."""
