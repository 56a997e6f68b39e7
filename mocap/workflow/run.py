"""Run stages of a take and say what happened to each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mocap.capture.session import Session, Take
from mocap.core.errors import InputError, SessionError
from mocap.workflow import public
from mocap.workflow.choices import Choices
from mocap.workflow.graph import GRAPH, STAGES, STAGES_WITHOUT_BODY
from mocap.workflow.job import TakeRun
from mocap.workflow.pipeline import CURRENT, Outcome, run_stages
from mocap.workflow.progress import Progress, Quiet
from mocap.workflow.results import Results
from mocap.workflow.version import installed_version

# What a stage wrote and how well it went, from its notes: key -> how to say it.
FIGURES = {
    "people": "people: {}",
    "measured_share": "{:.1%} measured",
    "missing_share": "{:.1%} missing",
    "median_error_px": "median error {:.2f} px",
    "fit_error_mm": "median distance to the keypoints {:.1f} mm",
}


@dataclass(frozen=True)
class SessionRun:
    """What a run did.

    Attributes:
        session: the session.
        calibrated: whether the rig had to be calibrated first.
        takes: the takes that were run.
        outcomes: what happened to each stage, by take.
    """

    session: public.Session
    calibrated: bool
    takes: tuple[public.Take, ...]
    outcomes: Mapping[str, Sequence[Outcome]]

    @property
    def nothing_done(self) -> bool:
        """Tell whether everything was current."""
        every = [each for of_take in self.outcomes.values() for each in of_take]
        return not self.calibrated and all(each.status == CURRENT for each in every)


def run(
    session: Session | Path | str,
    takes: Sequence[str] = (),
    choices: Choices | None = None,
    *,
    from_stage: str | None = None,
    accept_calibration: bool = False,
    progress: Progress | None = None,
) -> SessionRun:
    """Run every stage of a session's takes that is not current, as `mocap run` does.

    Args:
        session: an open session, or its folder.
        takes: names; all takes when none is named.
        choices: detector, body, formats, as `mocap.choices(...)` gives them.
        from_stage: this stage and those after it run even when they are current.
        accept_calibration: go on with a calibration whose verdict is FAIL.
        progress: who is told; nobody without.

    Raises:
        MocapError: whatever a person can mend; results made before it stay.
    """
    from mocap.workflow.rig.calibrate import ensure_calibration

    if not isinstance(session, Session):
        session = Session.open(session)
    opened = public.Session(session.root, session.config)
    chosen, told = choices or Choices(), progress or Quiet()
    selected = chosen_takes(opened, takes)
    calibrated = ensure_calibration(opened, told, accept=accept_calibration)
    outcomes = run_takes(selected, chosen, told, stages=stages_of(chosen), from_stage=from_stage)
    done = tuple(opened.take(take.name) for take in selected)
    return SessionRun(opened, calibrated, done, outcomes)


def stages_of(choices: Choices) -> tuple[str, ...]:
    """Return the stages of a whole run: all, or without a body those that need none."""
    return STAGES if choices.fit is not None else STAGES_WITHOUT_BODY


def chosen_takes(session: Session, names: Sequence[str]) -> list[Take]:
    """Return the named takes, or all of the session.

    Raises:
        SessionError: a name is unknown, or the session has no take.
    """
    found = list(names) or list(session.takes())
    if not found:
        raise SessionError(
            f"session {session.root} has no takes. Copy the videos to "
            f"{session.root}/takes/NAME/CAMERA.mp4."
        )
    return [session.take(name) for name in found]


def run_takes(
    takes: Sequence[Take],
    choices: Choices,
    progress: Progress,
    *,
    stages: Sequence[str] = STAGES,
    from_stage: str | None = None,
) -> dict[str, list[Outcome]]:
    """Run the named stages of several takes where they are not current; outcomes by take.

    Bodies come last: the shape of a person is told by the points of all their takes, and a body
    that was fitted before the last of them would have to be fitted again.

    Raises:
        InputError: `from_stage` is none of the stages.
    """
    if from_stage is not None and from_stage not in stages:
        raise InputError(f"there is no stage '{from_stage}' here; known: {', '.join(stages)}.")
    split = stages.index("fit") if "fit" in stages and len(takes) > 1 else len(stages)
    before, after = stages[:split], stages[split:]
    start = from_stage if from_stage in before else None
    # What comes after a stage that was asked for is made again too.
    later = next(iter(after), None) if start is not None else from_stage
    outcomes: dict[str, list[Outcome]] = {take.name: [] for take in takes}
    for part, start_at in ((before, start), (after, later)):
        for take in takes if part else ():
            outcomes[take.name] += run_take(
                take, choices, progress, stages=stages, only=part, from_stage=start_at
            )
    return outcomes


def run_take(
    take: Take,
    choices: Choices,
    progress: Progress,
    *,
    stages: Sequence[str] = STAGES,
    only: Sequence[str] | None = None,
    from_stage: str | None = None,
) -> list[Outcome]:
    """Run the named stages of a take where they are not current; `only` some of them for now."""
    job = TakeRun.of(take, choices, progress, stages)
    remove_leftovers(take)
    if only is None or stages[0] in only:
        progress.warned(*job.footage.recording.warnings)
        job.refuse_stale_inputs()
        _say_older(progress, take)
    wanted = [stage for stage in job.build() if only is None or stage.name in only]
    return run_stages(
        wanted,
        version=installed_version(),
        hash_of=job.hashes,
        from_stage=from_stage,
        started=lambda stage, reason: progress.started(f"{take.name}: {stage} ({reason})"),
        finished=lambda outcome: _say(progress, take, outcome),
    )


def remove_leftovers(take: Take) -> None:
    """Remove temporary files a killed run left beside the artifacts."""
    for row in GRAPH:
        path = take.root / row.file
        for leftover in path.parent.glob(f".{path.stem}-*{path.suffix}"):
            leftover.unlink(missing_ok=True)


def document(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """Return outcomes for machines."""
    return [
        {
            "stage": each.stage,
            "status": each.status,
            "reason": each.reason,
            "seconds": round(each.seconds, 3),
            "warnings": each.warnings,
            "notes": each.notes,
        }
        for each in outcomes
    ]


def _say_older(progress: Progress, take: Take) -> None:
    try:
        older = Results(take).of_older_format()
    except InputError:
        # A damaged artifact is named where it is made again.
        return
    if older:
        progress.finished(
            f"{take.name}: {', '.join(older)} were written by an earlier version; they are kept "
            "where the algorithm is still the same and made again where it is not"
        )


def _say(progress: Progress, take: Take, outcome: Outcome) -> None:
    if outcome.status == CURRENT:
        progress.finished(f"{take.name}: {outcome.stage} is current")
    else:
        figures = [
            form.format(outcome.notes[key]) for key, form in FIGURES.items() if key in outcome.notes
        ]
        progress.finished(
            f"{take.name}: {outcome.stage} done in {outcome.seconds:.1f} s"
            + (f": {', '.join(figures)}" if figures else ""),
            [f"  {check}" for check in outcome.notes.get("checks", ())],
        )
    progress.warned(*outcome.warnings)
