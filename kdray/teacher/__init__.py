"""What a teacher says about each token: captured once, stored small, checked, and read by every trial.

A teacher is a callable from rows to logits. Not here: models (`kdray.students`), what a student learns from the
signal (`kdray.losses`), the processes of a capture over a cluster (`kdray.workers`).
"""
