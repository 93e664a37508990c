"""Models: three families from plain data to transformers and back, their cost, and how one is cut from a teacher.

Loading, hidden states and logits serve teachers too. Not here: training (`kdray.train`), how models answer and how
good that is (`kdray.evaluation`).
"""
