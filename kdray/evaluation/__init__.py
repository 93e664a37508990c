"""What a model answers, and how good that is.

Decoding, metrics with their intervals, baselines, and the time and memory of an answer. `answering` has what
differs between models that write and models that classify. Not here: behaviour on changed inputs
(`kdray.metamorphic`).
"""
