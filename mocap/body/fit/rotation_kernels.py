"""Rotations inside the fit's loops: exponential, logarithm, swing and twist (numba).

A rotation is changed from the right, R <- R exp(w): w is a small turn in the joint's own frame.
Formulas of the exponential map and its Jacobians: Solà, Deray, Atchuthan (2018), "A micro Lie
theory for state estimation in robotics", appendix B. Swing and twist: Grassia (1998), "Practical
parameterization of rotations using the exponential map", section 5.
"""

from __future__ import annotations

import math

from mocap.core.kernels.compiled import kernel, part
from mocap.core.shapes import FloatArray

# Below this squared angle (about 1e-4 rad) series replace the closed forms, which lose digits.
_TINY = 1e-8


@kernel
def turn_right(rotation: FloatArray, x: float, y: float, z: float, out: FloatArray) -> None:
    """Write rotation @ exp((x, y, z)) into `out` (3, 3), which may not be `rotation`."""
    squared = x * x + y * y + z * z
    if squared < _TINY:
        a, b = 1.0 - squared / 6.0, 0.5 - squared / 24.0
    else:
        angle = math.sqrt(squared)
        a, b = math.sin(angle) / angle, (1.0 - math.cos(angle)) / squared
    for i in range(3):
        p, q, r = rotation[i, 0], rotation[i, 1], rotation[i, 2]
        out[i, 0] = (
            p * (1.0 - b * (y * y + z * z)) + q * (b * x * y + a * z) + (r * (b * x * z - a * y))
        )
        out[i, 1] = (
            p * (b * x * y - a * z) + q * (1.0 - b * (x * x + z * z)) + (r * (b * y * z + a * x))
        )
        out[i, 2] = (
            p * (b * x * z + a * y) + q * (b * y * z - a * x) + (r * (1.0 - b * (x * x + y * y)))
        )


@kernel
def relative_rotvec(first: FloatArray, second: FloatArray, out: FloatArray) -> None:
    """Write log(first^T second) into `out` (3,): the step from one frame to the next.

    Steps near half a turn have no unique logarithm; the axis is then taken from the larger
    diagonal, which is enough to see that the step is large.
    """
    x = y = z = trace = 0.0
    for k in range(3):
        x += first[k, 2] * second[k, 1] - first[k, 1] * second[k, 2]
        y += first[k, 0] * second[k, 2] - first[k, 2] * second[k, 0]
        z += first[k, 1] * second[k, 0] - first[k, 0] * second[k, 1]
        trace += first[k, 0] * second[k, 0] + first[k, 1] * second[k, 1]
        trace += first[k, 2] * second[k, 2]
    sine = 0.5 * math.sqrt(x * x + y * y + z * z)
    cosine = 0.5 * (trace - 1.0)
    if sine > 1e-5:
        scale = 0.5 * math.atan2(sine, cosine) / sine
        out[0], out[1], out[2] = scale * x, scale * y, scale * z
    elif cosine > 0.0:
        out[0], out[1], out[2] = 0.5 * x, 0.5 * y, 0.5 * z
    else:
        for i in range(3):
            diagonal = 0.0
            for k in range(3):
                diagonal += first[k, i] * second[k, i]
            out[i] = math.pi * math.sqrt(max(0.5 * (diagonal + 1.0), 0.0))


@kernel
def inverse_right_jacobian(v: FloatArray, out: FloatArray) -> None:
    """Write d log(exp(v) exp(w)) / dw at w = 0 into `out` (3, 3); its transpose is the left one."""
    x, y, z = v[0], v[1], v[2]
    squared = x * x + y * y + z * z
    if squared < _TINY:
        c = 1.0 / 12.0
    else:
        angle = math.sqrt(squared)
        c = 1.0 / squared - (1.0 + math.cos(angle)) / (2.0 * angle * math.sin(angle))
    out[0, 0] = 1.0 - c * (y * y + z * z)
    out[0, 1] = -0.5 * z + c * x * y
    out[0, 2] = 0.5 * y + c * x * z
    out[1, 0] = 0.5 * z + c * x * y
    out[1, 1] = 1.0 - c * (x * x + z * z)
    out[1, 2] = -0.5 * x + c * y * z
    out[2, 0] = -0.5 * y + c * x * z
    out[2, 1] = 0.5 * x + c * y * z
    out[2, 2] = 1.0 - c * (x * x + y * y)


@part
def quaternion_of(rotation: FloatArray, out: FloatArray) -> None:
    """Write the unit quaternion (w, x, y, z) with w >= 0 into `out` (Shepperd 1978)."""
    trace = rotation[0, 0] + rotation[1, 1] + rotation[2, 2]
    largest, best = 0, trace
    for i in range(3):
        if rotation[i, i] > best:
            largest, best = i + 1, rotation[i, i]
    if largest == 0:
        w = 0.5 * math.sqrt(max(1.0 + trace, 0.0))
        f = 0.25 / w
        out[0] = w
        out[1] = f * (rotation[2, 1] - rotation[1, 2])
        out[2] = f * (rotation[0, 2] - rotation[2, 0])
        out[3] = f * (rotation[1, 0] - rotation[0, 1])
    else:
        i = largest - 1
        j, k = (i + 1) % 3, (i + 2) % 3
        root = math.sqrt(max(1.0 + rotation[i, i] - rotation[j, j] - rotation[k, k], 0.0))
        f = 0.5 / root
        out[0] = f * (rotation[k, j] - rotation[j, k])
        out[1 + i] = 0.5 * root
        out[1 + j] = f * (rotation[j, i] + rotation[i, j])
        out[1 + k] = f * (rotation[k, i] + rotation[i, k])
    if out[0] < 0.0:
        for i in range(4):
            out[i] = -out[i]


@kernel
def swing_twist(
    rotation: FloatArray, axis: int, q: FloatArray, out: FloatArray, jacobian: FloatArray
) -> None:
    """Write the twist about `axis` and the swing's rotation vector into `out` (3,).

    rotation = exp(swing) exp(twist): `out[axis]` is the twist angle, the other two components
    are the swing, radians. `jacobian` (3, 3) receives d out / d w of rotation exp(w). `q` (4,) is
    scratch. A swing of half a turn has no twist; there the Jacobian is bounded, not exact.
    """
    quaternion_of(rotation, q)
    b, d = (axis + 1) % 3, (axis + 2) % 3
    w, va, vb, vd = q[0], q[1 + axis], q[1 + b], q[1 + d]
    n = max(math.sqrt(w * w + va * va), 1e-6)
    c, s = w / n, va / n
    # swing = q twist^-1: its scalar part is n, its vector part (ub, ud)
    ub = c * vb - s * vd
    ud = c * vd + s * vb
    size2 = ub * ub + ud * ud
    size = math.sqrt(size2)
    if size < 1e-4:
        f, df = 2.0 + size2 / 3.0, 2.0 / 3.0
    else:
        angle = 2.0 * math.atan2(size, n)
        f = angle / size
        df = (2.0 / n - f) / size2  # (d f / d size) / size, with n^2 + size^2 = 1
    out[axis] = 2.0 * math.atan2(va, w)
    out[b] = f * ub
    out[d] = f * ud
    for i in range(3):
        # dq = 0.5 q (0, e_i), in the cyclic order axis, b, d
        if i == axis:
            dw, da, db, dd = -0.5 * va, 0.5 * w, 0.5 * vd, -0.5 * vb
        elif i == b:
            dw, da, db, dd = -0.5 * vb, -0.5 * vd, 0.5 * w, 0.5 * va
        else:
            dw, da, db, dd = -0.5 * vd, 0.5 * vb, -0.5 * va, 0.5 * w
        dn = (w * dw + va * da) / n
        dc, ds = (dw - c * dn) / n, (da - s * dn) / n
        dub = dc * vb + c * db - ds * vd - s * dd
        dud = dc * vd + c * dd + ds * vb + s * db
        along = df * (ub * dub + ud * dud)
        jacobian[axis, i] = 2.0 * (w * da - va * dw) / (n * n)
        jacobian[b, i] = f * dub + along * ub
        jacobian[d, i] = f * dud + along * ud
