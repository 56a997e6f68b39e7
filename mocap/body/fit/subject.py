"""One shape for all takes of a person: bones do not change between takes.

Every take is solved with a shape of its own. What it tells about the person (betas, and the angles
that a person keeps) is a Gaussian: the Schur complement of the normal equations, after the poses
have been eliminated. The Gaussians of all takes are multiplied with the prior, once. Takes thus
count by what they show: one in which the knees never bend, or in which few cameras saw the person,
says little about the shanks. A take is then fitted with the shape of all, from where its own
solution ended (`fit_with_shape`), in a few steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mocap.body.fit.constants import constant_names, with_constants
from mocap.body.fit.fit import FitResult, Solution, fit_result, solve
from mocap.body.fit.journal import Estimate, parts_of
from mocap.body.fit.observed.measured import setting_of
from mocap.body.fit.solver import Problem, State, data_terms, one_blas_thread
from mocap.body.fit.views import CameraTracks, points_of, seen_landmarks, with_noise
from mocap.body.fit.windows import improve, told_by_windows
from mocap.body.landmarks import Offsets
from mocap.body.model import BodyModel
from mocap.body.shape_prior import BodyFacts, shape_prior
from mocap.core.errors import BodyError
from mocap.core.files.replay import Remember
from mocap.core.points import Points3D
from mocap.core.rotation import matrix_from_rotvec, rotvec_from_matrix
from mocap.core.shapes import FloatArray

# As many frames as a take counts for at most. The noise of a bone's length is then a tenth or less
# of the scatter of keypoints about the bone, which no number of frames removes.
TAKE_FRAMES = 720

# Height and volume are linearised at the last estimate: twice is enough, twice more is safe.
_LINEARISATIONS = 4


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a take says about a person: exp(-(x' precision x) / 2 + information' x), no prior in it.

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
        precision: (shape, shape) of the betas: how sure all the evidence is of them.
    """

    betas: FloatArray
    constants: Mapping[str, float] = field(default_factory=dict)
    precision: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))

    def written(self) -> dict[str, object]:
        """Return betas and constants as JSON writes them, to the last digit."""
        return {"betas": self.betas.tolist(), **self.constants}

    def sigmas_from(self, betas: FloatArray) -> float:
        """Return how far the shape is from other betas, in its own standard deviations.

        The root mean square over all directions: 1 is what chance makes of it.
        """
        change = self.betas - betas
        return float(np.sqrt(change @ self.precision @ change / len(change)))


@dataclass(frozen=True, eq=False)
class OwnShape:
    """A take solved with a shape of its own: what it says of the person, and where it ended.

    Attributes:
        names, precision, information, ridge, constant_weight: see `Evidence`.
        betas: (shape,) of the solution.
        constants: (constant,) radians.
        turns: (frame, group, 3) local rotations of the solution, rotation vectors.
        root: (frame, 3) metres.
        turn_weight: (frame, group, 3) of its smoothness.
        root_weight: (frame,).
    """

    names: tuple[str, ...]
    precision: FloatArray
    information: FloatArray
    ridge: float
    constant_weight: FloatArray
    betas: FloatArray
    constants: FloatArray
    turns: FloatArray
    root: FloatArray
    turn_weight: FloatArray
    root_weight: FloatArray

    @property
    def evidence(self) -> Evidence:
        """What the take says about the person."""
        return Evidence(
            self.names, self.precision, self.information, self.ridge, self.constant_weight
        )

    def start(self, betas: FloatArray, constants: FloatArray) -> State:
        """Return where a fit of the same take with another shape begins."""
        return State(matrix_from_rotvec(self.turns), self.root, betas, constants)


def own_shape(
    points: Points3D,
    model: BodyModel,
    *,
    person_id: int | None = None,
    facts: BodyFacts | None = None,
    offsets: Offsets | None = None,
    views: CameraTracks | None = None,
    told: Callable[[], None] | None = None,
) -> OwnShape:
    """Solve a take with a shape of its own; arguments as for `fit`.

    With views it says what the fit that is refined on them does: keypoints that a view has drawn
    away make limbs longer or shorter.

    Raises:
        BodyError: as `fit`.
    """
    person = points.person_index(person_id)
    solution = solve(points, model, person, facts=facts, offsets=offsets, views=views, told=told)
    said, state = _evidence(solution, parts_of(told, "evidence")), solution.state
    return OwnShape(
        **said.__dict__,
        betas=state.betas,
        constants=state.constants,
        turns=rotvec_from_matrix(state.turns),
        root=state.root,
        turn_weight=solution.problem.turn_weight,
        root_weight=solution.problem.root_weight,
    )


def fit_with_shape(
    points: Points3D,
    model: BodyModel,
    own: OwnShape,
    shape: PersonShape,
    *,
    person_id: int | None = None,
    offsets: Offsets | None = None,
    views: CameraTracks | None = None,
    told: Callable[[], None] | None = None,
) -> FitResult:
    """Fit a body of known shape to a take, from where its solution with its own shape ended.

    Smoothness and the noise of the views are those of that solution: a shape that differs by some
    millimetres tells nothing of either.

    Args:
        points, model, person_id, offsets, views, told: as for `own_shape`, and the same.
        own: from `own_shape`.
        shape: of the person.

    Raises:
        BodyError: as `fit`; or `own` is of another take.
    """
    person = points.person_index(person_id)
    setting = setting_of(points, model, person, offsets, fingers=views is not None)
    layout, measured = setting
    if own.turns.shape[:2] != (len(points.xyz), len(layout.groups)):
        raise BodyError(
            f"the shape of this take was told by {own.turns.shape[0]} frames of "
            f"{own.turns.shape[1]} joints, but it has {len(points.xyz)} of {len(layout.groups)}. "
            "Fit it again with --force."
        )
    anatomy, unknown = with_constants(layout, layout.anatomy(points.fps), shape.constants)
    problem = Problem(
        layout=layout,
        anatomy=anatomy,
        targets=measured.xyz,
        information=measured.information,
        turn_weight=own.turn_weight,
        root_weight=own.root_weight,
        ridge=None,
    )
    if views is not None:
        seen = seen_landmarks(views, points.person_ids[person], layout.landmarks)
        before = own.start(own.betas, own.constants)
        problem = replace(problem, views=with_noise(seen, points_of(problem, before)))
        del before
    estimate = Estimate(problem, own.start(shape.betas, unknown))
    status = improve(estimate, told=told)
    solution = Solution(layout, measured, estimate.problem, estimate.state, status)
    return fit_result(points, model, person, solution, offsets, views is not None, told)


def take_evidence(
    points: Points3D,
    model: BodyModel,
    *,
    person_id: int | None = None,
    facts: BodyFacts | None = None,
    offsets: Offsets | None = None,
    views: CameraTracks | None = None,
) -> tuple[Evidence, ...]:
    """Return what a take says about a person; arguments as for `own_shape`.

    Raises:
        BodyError: as `fit`.
    """
    own = own_shape(points, model, person_id=person_id, facts=facts, offsets=offsets, views=views)
    return (own.evidence,)


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
    # Each take has counted the prior once beyond what the scatter of its keypoints asks for.
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
    # The scatter of keypoints about the bones is the same in every frame and take: the prior was
    # raised by what it is worth (`ridge`) where the evidence should have been lowered.
    inverse = ridge * np.linalg.inv(0.5 * (whole + whole.T))[:shape, :shape]
    return PersonShape(values[:shape], constants, np.linalg.inv(inverse))


def _evidence(solution: Solution, remember: Remember) -> Evidence:
    """Return what a solved take says, without its prior."""
    problem, state = solution.problem, solution.state
    ridge = problem.ridge
    if ridge is None:
        raise ValueError("the shape of this solution was known before")
    x = np.concatenate([state.betas, state.constants])
    precision, gradient = np.zeros((len(x), len(x))), np.zeros(len(x))
    terms = data_terms(problem, state, remember)
    with one_blas_thread():
        for _, told in told_by_windows(
            problem, state, terms, 0.0, lambda part: (part.matrix, part.gradient),
            remember=remember,
        ):  # fmt: skip
            if told is None:
                raise BodyError(
                    "the shape of the body cannot be told: the normal matrix of its poses is not "
                    "positive definite. Check the covariances of the keypoints."
                )
            precision += told[0]
            gradient += told[1]
    # The quadratic of the data about the optimum, of which the prior took no part.
    information = precision @ x - gradient
    share = min(1.0, TAKE_FRAMES / len(state.root))
    names = (*(f"beta {k}" for k in range(len(state.betas))), *constant_names(solution.layout))
    return Evidence(
        names,
        share * 0.5 * (precision + precision.T),
        share * information,
        1.0 + share * (ridge - 1.0),
        problem.anatomy.constant_weight,
    )
