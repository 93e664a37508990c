"""From a trial to a folder that others use: choose a student, ship it with what it lost, ask it for assertions."""
