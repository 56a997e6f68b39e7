"""Key poses of two overhand throws: an amateur's, and a collegiate pitcher's.

Both stride alike; from foot contact on the pitcher is twice as fast. Written for the right hand
and the mean body: the stage's +Z is the direction of the throw, the body stands side-on facing
-X. Ranges and timing of the fast one are those published for collegiate and professional
pitchers (Fleisig et al. 1996, J. Appl. Biomech. 12; Fleisig et al. 1999, J. Biomech. 32): 0.13 to
0.19 s from foot plant to release, pelvis 600 to 900 deg/s, trunk 900 to 1200, elbow extension
near 2300, internal rotation of the shoulder 4000 to 7500, external rotation 165 to 185 deg.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.shapes import FloatArray


@dataclass(frozen=True, eq=False)
class ThrowScript:
    """Tables of key poses; the first column is the time in seconds.

    Attributes:
        body: pelvis yaw, tilt, list; spine yaw, flexion, side bend (degrees); height of the root as
            share of standing; its way (m).
        throwing_arm, glove_arm: across, elevation, rotation, elbow, wrist flexion (degrees).
        rear_foot, front_foot: ball x, z, lift (m); foot yaw, pitch, knee yaw (degrees).
    """

    body: FloatArray
    throwing_arm: FloatArray
    glove_arm: FloatArray
    rear_foot: FloatArray
    front_foot: FloatArray


# The amateur: knee highest at 0.90 s, foot contact at 1.48, arm cocked at 1.69, release at 1.74.
# time | pelvis yaw, tilt, list | spine yaw, flex, side (degrees) | root height share, root z (m)
_BODY = np.array(
    [
        [0.000, -88, 5, 0, 0, 3, 0, 0.975, 0.16],
        [0.350, -90, 5, 0, 0, 4, 0, 0.970, 0.13],
        [0.900, -104, -4, 4, -8, 12, 0, 0.955, 0.03],
        [1.100, -100, 2, 1, -10, 8, 0, 0.925, 0.08],
        [1.300, -86, 6, -2, -14, 4, 3, 0.850, 0.30],
        [1.480, -50, 8, 0, -34, -4, 0, 0.800, 0.64],
        [1.600, -20, 8, -2, -28, -8, -6, 0.800, 0.76],
        [1.690, -2, 12, -4, -4, 2, -10, 0.810, 0.82],
        [1.742, 6, 20, -5, 8, 16, -12, 0.820, 0.85],
        [1.810, 10, 26, -4, 16, 26, -10, 0.830, 0.88],
        [2.120, 16, 42, -2, 24, 38, -4, 0.830, 0.97],
        [2.550, 5, 18, 0, 4, 14, 0, 0.920, 1.04],
    ]
)
# time | across, elevation, rotation, elbow, wrist flexion (degrees)
_THROWING_ARM = np.array(
    [
        [0.000, 50, -58, 5, 108, 0],
        [0.350, 50, -58, 5, 108, 0],
        [0.900, 52, -52, 5, 112, 0],
        [1.100, 45, -58, 0, 90, 0],
        [1.300, -5, -55, -5, 35, 0],
        [1.400, -22, -25, 5, 45, -10],
        [1.480, -22, 0, 45, 85, -20],
        [1.600, -12, 8, 105, 100, -25],
        [1.690, 2, 8, 168, 92, -30],
        [1.742, 8, 8, 112, 24, 0],
        [1.810, 20, 4, 15, 18, 25],
        [1.930, 45, -8, -5, 25, 20],
        [2.120, 85, -30, 0, 40, 10],
        [2.550, 35, -58, 10, 60, 0],
    ]
)
_GLOVE_ARM = np.array(
    [
        [0.000, 50, -58, 5, 108, 0],
        [0.350, 50, -58, 5, 108, 0],
        [0.900, 52, -52, 5, 112, 0],
        [1.100, 45, -50, 0, 90, 0],
        [1.300, 25, -15, -10, 45, 0],
        [1.480, 10, 0, -10, 25, 0],
        [1.600, 12, -8, 10, 50, 0],
        [1.690, 15, -35, 20, 100, 0],
        [1.810, 5, -55, 20, 115, 0],
        [2.120, -5, -60, 10, 100, 0],
        [2.550, 30, -58, 10, 70, 0],
    ]
)
# time | ball x, z, lift (m) | foot yaw, pitch, knee yaw (degrees)
_REAR_FOOT = np.array(
    [
        [0.000, -0.14, 0.00, 0.00, -88, 0, -88],
        [1.200, -0.14, 0.00, 0.00, -88, 0, -85],
        [1.480, -0.14, 0.03, 0.00, -60, -42, -45],
        [1.600, -0.15, 0.17, 0.00, -38, -58, -25],
        [1.690, -0.16, 0.28, 0.00, -25, -64, -15],
        [1.742, -0.17, 0.35, 0.00, -20, -66, -12],
        [1.810, -0.18, 0.43, 0.00, -15, -66, -8],
        [2.120, -0.26, 0.85, 0.14, 0, -45, 5],
        [2.500, -0.26, 1.22, 0.00, 5, 0, 5],
        [2.550, -0.26, 1.22, 0.00, 5, 0, 5],
    ]
)
_FRONT_FOOT = np.array(
    [
        [0.000, -0.14, 0.34, 0.00, -82, 0, -80],
        [0.350, -0.14, 0.34, 0.00, -82, 0, -80],
        [0.600, -0.17, 0.27, 0.25, -90, -25, -90],
        [0.900, -0.28, 0.20, 0.50, -98, -25, -104],
        [1.100, -0.18, 0.38, 0.32, -85, -20, -90],
        [1.300, -0.08, 0.86, 0.12, -45, -12, -60],
        [1.480, 0.03, 1.28, 0.00, -8, 0, -16],
        [1.600, 0.03, 1.28, 0.00, -8, 0, -6],
        [1.810, 0.03, 1.28, 0.00, -8, 0, 0],
        [2.550, 0.03, 1.28, 0.00, -8, 0, 0],
    ]
)

AMATEUR = ThrowScript(_BODY, _THROWING_ARM, _GLOVE_ARM, _REAR_FOOT, _FRONT_FOOT)
"""Internal rotation at 2000 deg/s, a third of a second from foot contact to release."""

# The pitcher: the same wind-up, foot contact at 1.46 s, arm cocked at 1.61, release at 1.64.
_FAST_BODY = np.array(
    [
        *_BODY[:5],
        [1.400, -74, 7, -1, -26, 0, 2, 0.818, 0.49],
        [1.480, -46, 8, 0, -34, -5, 0, 0.800, 0.64],
        [1.540, -8, 8, -2, -28, -6, -6, 0.800, 0.73],
        [1.600, 10, 11, -4, 6, 6, -10, 0.805, 0.79],
        [1.640, 14, 17, -5, 16, 15, -12, 0.815, 0.83],
        [1.700, 16, 25, -4, 20, 26, -10, 0.828, 0.87],
        [2.000, 18, 42, -2, 24, 38, -4, 0.830, 0.96],
        [2.450, 5, 18, 0, 4, 14, 0, 0.920, 1.04],
    ]
)
_FAST_THROWING_ARM = np.array(
    [
        *_THROWING_ARM[:6],
        [1.480, -22, 2, 50, 85, -20],
        [1.560, -14, 8, 125, 98, -25],
        [1.594, -5, 8, 169, 95, -29],
        [1.610, 0, 8, 172, 82, -28],
        [1.636, 8, 8, 92, 36, 0],
        [1.658, 13, 6, 6, 23, 20],
        [1.690, 28, 0, -18, 24, 22],
        [1.760, 45, -6, 12, 25, 20],
        [2.000, 85, -30, 4, 40, 10],
        [2.450, 35, -58, 10, 60, 0],
    ]
)
_FAST_GLOVE_ARM = np.array(
    [
        *_GLOVE_ARM[:5],
        [1.480, 10, 0, -10, 25, 0],
        [1.540, 12, -8, 10, 50, 0],
        [1.600, 15, -35, 20, 100, 0],
        [1.690, 5, -55, 20, 115, 0],
        [2.000, -5, -60, 10, 100, 0],
        [2.450, 30, -58, 10, 70, 0],
    ]
)
_FAST_REAR_FOOT = np.array(
    [
        *_REAR_FOOT[:2],
        [1.480, -0.14, 0.03, 0.00, -60, -42, -45],
        [1.540, -0.15, 0.13, 0.00, -42, -56, -28],
        [1.600, -0.16, 0.25, 0.00, -28, -64, -17],
        [1.640, -0.17, 0.33, 0.00, -21, -66, -12],
        [1.700, -0.18, 0.43, 0.00, -15, -66, -8],
        [2.000, -0.26, 0.85, 0.14, 0, -45, 5],
        [2.400, -0.26, 1.22, 0.00, 5, 0, 5],
        [2.450, -0.26, 1.22, 0.00, 5, 0, 5],
    ]
)
_FAST_FRONT_FOOT = np.array(
    [
        *_FRONT_FOOT[:6],
        [1.500, 0.03, 1.28, 0.00, -8, 0, -14],
        [1.550, 0.03, 1.28, 0.00, -8, 0, -6],
        [1.700, 0.03, 1.28, 0.00, -8, 0, 0],
        [2.450, 0.03, 1.28, 0.00, -8, 0, 0],
    ]
)

PITCHER = ThrowScript(
    _FAST_BODY, _FAST_THROWING_ARM, _FAST_GLOVE_ARM, _FAST_REAR_FOOT, _FAST_FRONT_FOOT
)
"""Speeds of a collegiate pitcher."""
