"""The daemon: a light supervisor, and one process for each computer.

Nothing is imported here: the supervisor needs nothing heavy and starts at once, and a process keeps
signals before it loads anything.
"""
