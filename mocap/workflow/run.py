"""Run stages of a take and say what happened to each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mocap.capture.session import Session, Take
from mocap.core.errors import InputError, MocapError, SessionError
from mocap.core.files.lock import locked
from mocap.core.files.outside import what_happened
from mocap.core.files.unfinished import OLD_S, remove_unfinished, sweep
from mocap.core.kernels.processors import usable_processors
from mocap.core.store import shared_artifacts
from mocap.workflow import public
from mocap.workflow.beside.wanted import Runner, Wanted
from mocap.workflow.checks.mixed_up import refuse_copies
from mocap.workflow.choices import Choices
from mocap.workflow.compile_ahead import are_compiled, kernels_ahead
from mocap.workflow.graph import CALIBRATION, GRAPH, STAGES, STAGES_WITHOUT_BODY, VIDEOS
from mocap.workflow.job import TakeRun
from mocap.workflow.measure.importing import has_imported_keypoints, is_imported
from mocap.workflow.pipeline import CURRENT, Outcome, run_stages
from mocap.workflow.progress import Progress, Quiet
from mocap.workflow.results import Results
from mocap.workflow.rig.made_from import require_current
from mocap.workflow.understand.lifted import refuse_lifted
from mocap.workflow.version import installed_version

WITHOUT_VIDEOS = ("fit", "export")
"""Stages of a take whose points were imported."""

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
        failures: why a take could not be finished, by take; empty when all were.
    """

    session: public.Session
    calibrated: bool
    takes: tuple[public.Take, ...]
    outcomes: Mapping[str, Sequence[Outcome]]
    failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def nothing_done(self) -> bool:
        """Tell whether everything was current."""
        every = [each for of_take in self.outcomes.values() for each in of_take]
        done = self.calibrated or bool(self.failures)
        return not done and all(each.status == CURRENT for each in every)

    def document(self) -> dict[str, object]:
        """Return what was done for machines."""
        takes: dict[str, dict[str, object]] = {}
        for take in self.takes:
            takes[take.name] = {
                "stages": document(self.outcomes[take.name]),
                "report": take.report_path,
                "export": take.export_dir,
            }
            if take.name in self.failures:
                takes[take.name]["error"] = self.failures[take.name]
        return {"session": self.session.root, "calibrated": self.calibrated, "takes": takes}

    def of_one(self) -> dict[str, object]:
        """Return what was done in the only take for machines."""
        name = self.takes[0].name
        return {"take": name, "stages": document(self.outcomes[name])}

    def require_all(self) -> None:
        """Raise SessionError when a take failed: which, and why the first of them did."""
        if self.failures:
            names = ", ".join(f"'{name}'" for name in self.failures)
            first = next(iter(self.failures.values()))
            rest = "; the reasons of the others are above" if len(self.failures) > 1 else ""
            raise SessionError(
                f"{len(self.failures)} of {len(self.takes)} takes could not be finished ({names})"
                f"{rest}: {first}"
            )


def run(
    session: Session | Path | str,
    takes: Sequence[str] = (),
    choices: Choices | None = None,
    *,
    from_stage: str | None = None,
    accept_calibration: bool = False,
    progress: Progress | None = None,
    beside: Runner | None = None,
) -> SessionRun:
    """Run every stage of a session's takes that is not current, as `mocap run` does.

    Args:
        session: an open session, or its folder.
        takes: names; all takes when none is named.
        choices: detector, body, formats, as `mocap.choices(...)` gives them.
        from_stage: this stage and those after it run even when they are current.
        accept_calibration: go on with a calibration whose verdict is FAIL.
        progress: who is told; nobody without.
        beside: `mocap.workflow.beside.run.run_beside`: where takes are to be detected, processes of
            their own calibrate and finish others meanwhile; results are the same. For programs
            that such a process may import again.

    Raises:
        MocapError: whatever a person can mend in the session, or in its only take; results made
            before it stay. With several takes those that fail are in `failures`.
    """
    from mocap.workflow.export.trial import refuse_impossible
    from mocap.workflow.rig.calibrate import ensure_calibration

    if not isinstance(session, Session):
        session = Session.open(session)
    opened = public.Session(session.root, session.config)
    chosen, told = choices or Choices(), progress or Quiet()
    selected = chosen_takes(opened, takes)
    refuse_impossible(chosen.export)
    filmed = [take for take in selected if not is_imported(take)]
    unseen = any(not take.artifact("detections").is_file() for take in filmed)
    failures: dict[str, str] = {}
    may_fail = failures if len(selected) > 1 else None
    stages = stages_of(chosen)
    first = bool(opened.calibration_videos()) and not opened.calibration_path.is_file()
    pays = first or len(selected) > 1 or not are_compiled()
    if beside and unseen and pays and usable_processors() > 1:
        calibrated = first or ensure_calibration(opened, told, accept=accept_calibration)
        wanted = Wanted(opened.root, chosen, stages, from_stage, accept_calibration)
        outcomes = beside(wanted, selected, told, may_fail)
    else:
        with kernels_ahead(wanted=unseen):
            calibrated = bool(filmed) and ensure_calibration(
                opened, told, accept=accept_calibration
            )
            outcomes = run_takes(
                selected, chosen, told, stages=stages, from_stage=from_stage, failures=may_fail
            )
    done = tuple(opened.take(take.name) for take in selected)
    return SessionRun(opened, calibrated, done, outcomes, failures)


def run_stage(
    session: Session,
    names: Sequence[str],
    choices: Choices,
    progress: Progress,
    stage: str,
    *,
    force: bool = False,
) -> SessionRun:
    """Run one stage of the named takes, all when none is named, where it is not current.

    Raises:
        SessionError: a name is unknown, or the session has no take.
        MocapError: why the only take failed; with several takes those are in `failures`.
    """
    takes = chosen_takes(session, names)
    failures: dict[str, str] = {}
    outcomes = run_takes(
        takes,
        choices,
        progress,
        stages=(stage,),
        from_stage=stage if force else None,
        failures=failures if len(takes) > 1 else None,
    )
    opened = public.Session(session.root, session.config)
    done = tuple(opened.take(take.name) for take in takes)
    return SessionRun(opened, False, done, outcomes, failures)


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
    failures: dict[str, str] | None = None,
) -> dict[str, list[Outcome]]:
    """Run the named stages of several takes where they are not current; outcomes by take.

    Bodies come last: the shape of a person is told by the points of all their takes, and a body
    that was fitted before the last of them would have to be fitted again.

    A take that fails is said and put into `failures` with its reason, and the others go on; without
    `failures` its error is raised.

    Raises:
        InputError: `from_stage` is none of the stages.
        MocapError: a take failed, without `failures`.
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
            if failures is not None and take.name in failures:
                continue
            try:
                outcomes[take.name] += run_take(
                    take, choices, progress, stages=stages, only=part, from_stage=start_at
                )
            except (MocapError, OSError) as error:
                if failures is None:
                    raise
                failures[take.name] = what_happened(error)
                progress.warned(f"take '{take.name}' failed: {failures[take.name]}")
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
    """Run the named stages of a take where they are not current; `only` some of them for now.

    Another program that works on the take is waited for.
    """
    what = f"mocap, {', '.join(only or stages)}"
    with locked(take.root, what, waiting=progress.warned), shared_artifacts():
        return _run_take(take, choices, progress, stages, only, from_stage)


def _run_take(
    take: Take,
    choices: Choices,
    progress: Progress,
    stages: Sequence[str],
    only: Sequence[str] | None,
    from_stage: str | None,
) -> list[Outcome]:
    if "detect" not in stages:
        refuse_lifted(take)
    imported = is_imported(take)
    if imported:
        # Nothing of it comes from videos: there is nothing to see, calibrate or draw on.
        stages = [stage for stage in stages if stage in WITHOUT_VIDEOS]
        from_stage = from_stage if from_stage in stages else None
    elif "detect" in stages and has_imported_keypoints(take):
        stages = _with_imported_keypoints(take, progress, stages, from_stage)
    job = TakeRun.of(take, choices, progress, stages)
    remove_leftovers(take)
    if not imported:
        if _begins(stages, only, CALIBRATION):
            require_current(take.session, job.hashes)
        if _begins(stages, only, VIDEOS):
            refuse_copies(job.footage.videos, job.hashes, f"take '{take.name}'")
    if stages and (only is None or stages[0] in only):
        if not imported:
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


def _begins(stages: Sequence[str], only: Sequence[str] | None, what: str) -> bool:
    """Tell whether something of the session is read first in this part of the stages."""
    reading = [row.name for row in GRAPH if row.name in stages and what in row.reads]
    return bool(reading) and (only is None or reading[0] in only)


def _with_imported_keypoints(
    take: Take, progress: Progress, stages: Sequence[str], from_stage: str | None
) -> Sequence[str]:
    """Return the stages of a take whose keypoints another tool found: all but the first.

    Raises:
        SessionError: they are to be found again and there are no videos.
    """
    filmed = bool(take.videos())
    if from_stage == "detect" and filmed:
        return stages
    if from_stage == "detect" or (tuple(stages) == ("detect",) and not filmed):
        raise SessionError(
            f"take '{take.name}' has no videos to find keypoints in: those it has were imported. "
            f"Go on with `mocap run {take.session.root} {take.name}`."
        )
    again = " (`mocap detect --force` finds them in the videos)" if filmed else ""
    progress.finished(f"{take.name}: the keypoints were imported and are kept{again}")
    return [stage for stage in stages if stage != "detect"]


def remove_leftovers(take: Take) -> None:
    """Remove temporary files that killed runs left in the folders of a take and its session.

    Nobody else writes in the take now: it is locked. In the session's folder others may.
    """
    sweep(take.root)
    for folder in (take.session.root, take.session.root / "calibration" / ".corners"):
        remove_unfinished(folder, older_s=OLD_S)


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
