"""One shape for all takes of a person: bones do not change between takes.

Every take, or clips drawn evenly from a long one, is solved with a shape of its own. What it tells
about the person (betas, and the angles that a person keeps) is a Gaussian: the Schur complement of
the normal equations, after the poses have been eliminated. The Gaussians of all clips of all takes
are multiplied with the prior, once. Takes thus count by what they show: one in which the knees
never bend, or in which few cameras saw the person, says little about the shanks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mocap.body.fit.constants import constant_names
from mocap.body.fit.fit import Solution, solve
from mocap.body.fit.solver import normals_of, one_blas_thread, poses_eliminated
from mocap.body.fit.views import CameraTracks
from mocap.body.landmarks import Offsets
from mocap.body.model import BodyModel
from mocap.body.shape_prior import BodyFacts, shape_prior
from mocap.core.errors import BodyError
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray

# Frames solved of one take. The noise of a bone's length is then a tenth or less of the scatter of
# keypoints about the bone, which no number of frames removes.
TAKE_FRAMES = 720

# Height and volume are linearised at the last estimate: twice is enough, twice more is safe.
_LINEARISATIONS = 4

# Frames of a clip: long enough for the smoothness to be estimated from it.
CLIP_FRAMES = 180


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a clip says about a person: exp(-(x' precision x) / 2 + information' x), no prior in it.

    Attributes:
        names: of the person's values x: the betas by number, then the constants.
        precision: (value, value).
        information: (value,).
        ridge: weight which the prior of the betas had beside it, see `fit.solve`.
        constant_weight: (constant,) prior of the constants, 1/rad².
    """

    names: tuple[str, ...]
    precision: FloatArray
    information: FloatArray
    ridge: float
    constant_weight: FloatArray


@dataclass(frozen=True, eq=False)
class PersonShape:
    """What is the same in all takes of a person.

    Attributes:
        betas: (shape,).
        constants: radians by name, see `fit_constants`.
    """

    betas: FloatArray
    constants: Mapping[str, float] = field(default_factory=dict)


def take_evidence(
    points: Points3D,
    model: BodyModel,
    *,
    person_id: int | None = None,
    facts: BodyFacts | None = None,
    offsets: Offsets | None = None,
    views: CameraTracks | None = None,
) -> tuple[Evidence, ...]:
    """Return what the clips of a take say about a person; arguments as for `fit`.

    With views they say it as the fit that is refined on them does: keypoints that a view has drawn
    away make limbs longer or shorter.

    Raises:
        BodyError: as `fit`; for all clips, not for single ones in which the person was not seen.
    """
    person = points.person_index(person_id)
    found, why = [], None
    for clip in clips(len(points.xyz)):
        try:
            solution = solve(
                points.part(clip),
                model,
                person,
                facts=facts,
                offsets=offsets,
                views=cut_views(views, clip) if views else None,
            )
        except BodyError as error:
            why = error
            continue
        found.append(_evidence(solution))
    if not found:
        raise why or BodyError("a take without frames says nothing about the person in it.")
    return tuple(found)


def subject_of(
    model: BodyModel, evidence: Sequence[Evidence], facts: BodyFacts | None = None
) -> PersonShape:
    """Return the person that all the evidence together makes most likely.

    Raises:
        BodyError: there is no evidence, or the model has no shape for the sex in the facts.
    """
    if not evidence:
        raise BodyError("no take says anything about this person. Fit a take of theirs first.")
    names = tuple(dict.fromkeys(name for each in evidence for name in each.names))
    precision, information = np.zeros((len(names), len(names))), np.zeros(len(names))
    weights = np.zeros(len(names))
    shape = model.shape_count
    for each in evidence:
        place = np.array([names.index(name) for name in each.names])
        precision[np.ix_(place, place)] += each.precision
        information[place] += each.information
        weights[place[shape:]] = each.constant_weight
    # Each clip has counted the prior once beyond what the scatter of its keypoints asks for.
    ridge = 1.0 + sum(each.ridge - 1.0 for each in evidence)
    precision += np.diag(weights)
    values = np.zeros(len(names))
    for _ in range(_LINEARISATIONS):
        prior = shape_prior(model, facts or BodyFacts(), values[:shape])
        whole, right = precision.copy(), information.copy()
        whole[:shape, :shape] += ridge * prior.precision
        right[:shape] += ridge * prior.precision @ prior.mean
        values = np.asarray(np.linalg.solve(whole, right))
    constants = dict(zip(names[shape:], values[shape:].tolist(), strict=True))
    return PersonShape(values[:shape], constants)


def clips(frames: int) -> list[slice]:
    """Return the parts of a take that are solved: all of it, or clips drawn evenly."""
    if frames <= TAKE_FRAMES:
        return [slice(0, frames)]
    count = TAKE_FRAMES // CLIP_FRAMES
    starts = np.linspace(0, frames - CLIP_FRAMES, count).round().astype(int)
    return [slice(int(start), int(start) + CLIP_FRAMES) for start in starts]


def cut_views(views: CameraTracks, frames: slice) -> CameraTracks:
    """Return what the cameras saw in some frames."""
    return replace(views, tracks=views.tracks.part(frames))


def _evidence(solution: Solution) -> Evidence:
    """Return what a solved clip says, without its prior."""
    problem, state = solution.problem, solution.state
    with one_blas_thread():
        reduced = poses_eliminated(normals_of(problem, state), 0.0)
    if reduced is None:
        raise BodyError(
            "the shape of the body cannot be told: the normal matrix of its poses is not positive "
            "definite. Check the covariances of the keypoints."
        )
    matrix, gradient = reduced.matrix, reduced.gradient
    x = np.concatenate([state.betas, state.constants])
    shape = len(state.betas)
    # At the optimum the whole gradient is zero but for what the last step left of it.
    information = matrix @ x - gradient
    weight = problem.anatomy.constant_weight
    prior = problem.shape_prior
    ridge = problem.ridge
    if ridge is None or prior is None:
        raise ValueError("the shape of this solution was known before")
    matrix[:shape, :shape] -= ridge * prior.precision
    information[:shape] -= ridge * prior.precision @ prior.mean
    matrix[shape:, shape:] -= np.diag(weight)
    names = (*(f"beta {k}" for k in range(shape)), *constant_names(solution.layout))
    return Evidence(names, 0.5 * (matrix + matrix.T), information, ridge, weight)
