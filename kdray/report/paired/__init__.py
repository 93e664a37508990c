"""Students of one sweep told apart case by case: intervals of differences, ties, and what of it is sure."""
