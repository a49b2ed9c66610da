"""How a reader says no."""


class Refused(Exception):
    """What is wrong with the file and what to do, worded to follow its name: "is empty."."""
