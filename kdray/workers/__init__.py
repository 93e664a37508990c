"""All of Ray: the processes that train and capture, and what Tune sees of a sweep; see README.md."""
