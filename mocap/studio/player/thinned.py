"""Every n-th frame of a take, as a page shows one that is long."""

from __future__ import annotations

from dataclasses import replace

from mocap.studio.player.take import Curves, PlayerTake


def thinned(take: PlayerTake, stride: int) -> PlayerTake:
    """Return a take with every n-th frame only, as a page shows one that is long."""
    if stride == 1:
        return take
    every = slice(None, None, stride)
    points = take.points.part(every)
    bodies = [
        replace(
            body,
            skeleton=replace(
                body.skeleton,
                local_rotations_wxyz=body.skeleton.local_rotations_wxyz[every],
                root_positions=body.skeleton.root_positions[every],
            ),
            standing=body.standing[every],
            error_mm=body.error_mm[every],
        )
        for body in take.bodies
    ]
    marks = []
    for mark in take.marks:
        frame = mark["frame"]
        assert isinstance(frame, int)
        marks.append({**mark, "frame": frame // stride})
    tracks = take.tracks
    if tracks is not None:
        tracks = replace(
            tracks,
            fps=tracks.fps / stride,
            pixels=tracks.pixels[:, every],
            confidence=tracks.confidence[:, every],
            times_s=tracks.times_s[:, every],
        )
    return replace(
        take,
        points=replace(points, fps=points.fps / stride),
        cameras=[replace(each, image=each.image[every]) for each in take.cameras],
        tracks=tracks,
        bodies=bodies,
        curves=thinned_curves(take.curves, stride),
        marks=marks,
        said={**take.said, "stride": stride},
    )


def thinned_curves(curves: Curves, stride: int) -> Curves:
    """Return curves with every n-th frame only."""
    every = slice(None, None, stride)
    return {
        name: (unit, values[every], None if spread is None else spread[every])
        for name, (unit, values, spread) in curves.items()
    }
