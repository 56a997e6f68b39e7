"""How numba compiles our kernels, said once.

What a kernel costs to compile is paid on every new machine, so kernels avoid what is dear there:

- an array is written element by element, never `a[i] = b` between arrays: numba would compile its
  broadcasting and the words of its error, two seconds;
- no `np.median`, `np.linalg` or arithmetic of whole arrays where a loop does;
- what is passed on to another kernel is not a literal and never was: a kernel that is called with
  0, or with a variable that begins as 0, is compiled for that literal too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")

# `fastmath=True` would let the compiler assume there is no NaN and break every np.isnan test
# ("not seen" is NaN everywhere); these flags keep NaN and infinity exact.
FASTMATH = {"contract", "arcp", "nsz", "reassoc", "afn"}

kernel = njit(fastmath=FASTMATH, cache=True, no_cfunc_wrapper=True)
"""Compiles a function that Python calls, and kernels may."""


def part(function: Callable[P, R], forceinline: bool = False) -> Callable[P, R]:
    """Compile a part of other kernels, without what Python needs to call it.

    That is as much to compile again as a small function itself. Python, a test, runs the function
    as it is written.
    """
    compiled = njit(
        fastmath=FASTMATH,
        cache=True,
        no_cfunc_wrapper=True,
        no_cpython_wrapper=True,
        forceinline=forceinline,
    )(function)
    # What numba looks up when Python calls: nothing is ever entered there, so that it asks for a
    # compilation, and gets the function.
    compiled._insert = _forget
    compiled._compile_for_args = lambda *_, **__: function
    return cast("Callable[P, R]", compiled)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a small part that the compiler behind numba merges into each of its callers.

    It is typed and lowered once, where numba's own inlining does that again for every caller.
    """
    return part(function, forceinline=True)


def _forget(*_: object) -> None:
    """Enter nothing."""
