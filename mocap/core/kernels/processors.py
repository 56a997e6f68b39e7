"""How many processors a process may use."""

from __future__ import annotations

import os

VARIABLE = "MOCAP_PROCESSORS"
"""In the environment: a share of the machine, where several processes work on it."""


def usable_processors() -> int:
    """Return how many processors this process may use: its share, else all that the system allows.

    What the variable holds that is no number above zero says nothing.
    """
    share = os.environ.get(VARIABLE, "")
    if share.isdecimal() and int(share) > 0:
        return int(share)
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, allowed or 1)
