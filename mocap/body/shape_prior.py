"""What is known of a shape before any keypoint: the usual scatter, sex, height and body mass.

Keypoints lie near the bones. How thick the flesh around them is they do not show; a body mass
does, because people are about as dense as water.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.body.model import BodyModel
from mocap.core.errors import BodyError
from mocap.core.shapes import FloatArray

# A height that a person states is right to about a centimetre. The body shall have it within that
# even where keypoints pull that tell five centimetres more, so that it counts as surer than it is.
HEIGHT_SIGMA_M = 0.001

# Bodies without air are 1020 to 1080 kg/m³ (Durnin & Womersley 1974); with 2 to 4 litres in the
# lungs they are 985 to 1010. That is 1.3 % either way; clothes on the scales are another 1.5 %.
DENSITY_KG_M3 = 998.0
MASS_SIGMA = 0.02

SEXES = ("female", "male")


@dataclass(frozen=True)
class BodyFacts:
    """What a person says about their body.

    Attributes:
        height_m: standing height without shoes, or None.
        mass_kg: body mass, or None.
        sex: "female", "male", or None.
    """

    height_m: float | None = None
    mass_kg: float | None = None
    sex: str | None = None


@dataclass(frozen=True, eq=False)
class ShapePrior:
    """A Gaussian of the betas.

    Attributes:
        mean: (shape,).
        precision: (shape, shape).
    """

    mean: FloatArray
    precision: FloatArray


def prior_terms(
    prior: ShapePrior | None, betas: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """Return cost, half gradient (shape,) and matrix (shape, shape) of betas (shape,).

    Without a prior they scatter about zero with a deviation of 1.
    """
    if prior is None:
        return float(betas @ betas), betas, np.eye(len(betas))
    off = betas - prior.mean
    pull = prior.precision @ off
    return float(off @ pull), pull, prior.precision


def usual_shape(model: BodyModel, facts: BodyFacts) -> FloatArray:
    """Return the betas (shape,) about which people of that sex scatter with a deviation of 1.

    A model that is made for one sex, as its file says, has its mean at zero.

    Raises:
        BodyError: the sex is unknown, or the model is made for the other one.
    """
    if facts.sex is None:
        return np.zeros(model.shape_count)
    if facts.sex not in SEXES:
        raise BodyError(f"sex '{facts.sex}' is not known; say {' or '.join(SEXES)}, or nothing.")
    if facts.sex in model.sex_names:
        return model.sex_shape(facts.sex)
    (other,) = (sex for sex in SEXES if sex != facts.sex)
    if model.name.endswith(f"_{other}"):
        raise BodyError(
            f"body '{model.name}' is made for the other sex than '{facts.sex}'. Give the file "
            "for that sex, or leave the sex out."
        )
    return np.zeros(model.shape_count)


def fact_rows(
    model: BodyModel, facts: BodyFacts, betas: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return height and mass as linear equations of a change of the betas, in deviations.

    Args:
        model: the body.
        facts: what is known.
        betas: (shape,) where they are linearised.

    Returns:
        rows (fact, shape) and right sides (fact,): rows @ change = right.
    """
    rows, rights = np.zeros((0, model.shape_count)), np.zeros(0)
    if facts.height_m is not None:
        height, by_beta = body_height(model, betas)
        rows = np.concatenate([rows, by_beta[None] / HEIGHT_SIGMA_M])
        rights = np.append(rights, (facts.height_m - height) / HEIGHT_SIGMA_M)
    if facts.mass_kg is not None:
        volume, by_beta = body_volume(model, betas)
        sigma_kg = MASS_SIGMA * facts.mass_kg
        rows = np.concatenate([rows, DENSITY_KG_M3 * by_beta[None] / sigma_kg])
        rights = np.append(rights, (facts.mass_kg - DENSITY_KG_M3 * volume) / sigma_kg)
    return rows, rights


def shape_prior(model: BodyModel, facts: BodyFacts, betas: FloatArray) -> ShapePrior:
    """Return what is known of the betas; height and mass are linearised at `betas` (shape,).

    Raises:
        BodyError: as `usual_shape`.
    """
    rows, rights = fact_rows(model, facts, betas)
    precision = np.eye(model.shape_count) + rows.T @ rows
    if not len(rows):
        return ShapePrior(usual_shape(model, facts), precision)
    information = usual_shape(model, facts) + rows.T @ (rights + rows @ betas)
    return ShapePrior(np.asarray(np.linalg.solve(precision, information)), precision)


def body_height(model: BodyModel, betas: FloatArray) -> tuple[float, FloatArray]:
    """Return the standing height of a shape in metres and its change with each beta (shape,).

    From the lowest to the highest vertex of the zero pose.
    """
    up = model.rest_vertices(betas)[:, 1]
    top, bottom = int(np.argmax(up)), int(np.argmin(up))
    components = np.asarray(model.shape_components[:, [top, bottom], 1], dtype=np.float64)
    return float(up[top] - up[bottom]), components[:, 0] - components[:, 1]


def body_volume(model: BodyModel, betas: FloatArray) -> tuple[float, FloatArray]:
    """Return the volume of a shape in m³ and its change with each beta (shape,).

    The sum over the triangles of det(a, b, c) / 6 (divergence theorem); each corner moves it by
    the cross product of the other two over 6. Seen from the middle of the body, so that small
    holes in the mesh of a user's file do not matter.
    """
    rest = model.rest_vertices(betas)
    rest = rest - rest.mean(axis=0)
    a, b, c = (rest[model.faces[:, corner]] for corner in range(3))
    by_vertex = np.zeros_like(rest)
    for corner, across in enumerate((np.cross(b, c), np.cross(c, a), np.cross(a, b))):
        np.add.at(by_vertex, model.faces[:, corner], across / 6.0)
    volume = float(np.einsum("ij,ij->", a, np.cross(b, c))) / 6.0
    components = np.asarray(model.shape_components, dtype=np.float64)
    return volume, np.einsum("svk,vk->s", components, by_vertex)


def body_mass_kg(model: BodyModel, betas: FloatArray) -> float:
    """Return what a shape weighs, right to about 2 %."""
    return DENSITY_KG_M3 * body_volume(model, betas)[0]
