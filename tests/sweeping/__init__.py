"""What tests of whole sweeps share: trials that train nothing, drivers without Ray or to be killed, and what must
hold of a sweep that ended.
"""
