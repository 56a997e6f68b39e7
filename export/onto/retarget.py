"""Our motion on a foreign rig: rotations by joint, the root by leg length, feet that stand.

World rotations of our joints, from our T-pose, turn the rig's bones from its T-pose. The hips
travel by the ratio of the legs' lengths. Legs of other proportions would then slide and float: the
foot lock is solved again on the legs of the rig.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d

from mocap.core.body.footing import PARTS, SIDES, FootContacts, at_least, faded, hold_foot, slide_mm
from mocap.core.body.legs import LegPair
from mocap.core.motion import SkeletonMotion
from mocap.core.rotation import (
    matrix_from_rotvec,
)
from mocap.core.shapes import FloatArray
from mocap.export.onto.alignment import RestPose, rest_pose
from mocap.export.onto.joints import JointMap
from mocap.export.onto.rig import CharacterRig, pure_rotation
from mocap.export.onto.solved import Solved, Standing
from mocap.export.onto.turns import rotation_at, twist_about
from mocap.export.onto.twist import twist_shares

_LEG = ("hip", "knee", "ankle")
# A heel is behind the ankle by about a third of the way from there to the ball of the foot.
_HEEL_BEHIND = 0.33
# A rig without toes: its ball is as far before the ankle as is usual for the leg, 0.16 of it.
_BALL_AHEAD = 0.16
# The hips first go where the standing feet need them, twice for feet that stand together.
_CARRIED = 2
# A step of the hips from one stance to the next is spread over about this time.
_CARRY_S = 0.08
# Lifting a sole bends the knee, which may leave a millimetre: one more round removes it.
_LIFTS = 2


def retargeted(
    rig: CharacterRig, joints: JointMap, motion: SkeletonMotion, standing: Standing | None = None
) -> Solved:
    """Return our motion on a rig.

    Args:
        rig: nodes of the character.
        joints: which of them are which of our joints.
        motion: SMPL-X names, T-pose at rest, facing -Y, metres, Z up.
        standing: when the person's feet stand; None leaves the feet as they come.
    """
    return _Retarget(rig, joints, motion).solve(standing)


class _Retarget:
    """The steps of `retargeted` and what they share."""

    def __init__(self, rig: CharacterRig, joints: JointMap, motion: SkeletonMotion) -> None:
        self.rig, self.joints, self.motion = rig, joints, motion
        self.rest: RestPose = rest_pose(rig, joints, motion)
        self.ours = motion.forward_kinematics()
        self.index = {name: each for each, name in enumerate(motion.joint_names)}
        self.frames = len(motion.root_positions)
        self.targets = self._targets()
        self.twists = twist_shares(rig, joints)
        self.root = joints.nodes["pelvis"]
        self.scale = self._scale()

    def solve(self, standing: Standing | None) -> Solved:
        """Return the solved motion."""
        world = self._pose(self.targets, self._root_places(standing))
        drift: dict[str, float] = {}
        targets = self.targets
        if standing is not None:
            drift["before"] = self._drift(world, standing)
            for _ in range(_CARRIED):
                world = self._pose(targets, self._carried(world, targets, standing))
            for attempt in range(1 + _LIFTS):
                world, targets = self._stepped(world, targets, standing, lift=attempt > 0)
            drift["after"] = self._drift(world, standing)
        turns = {node: self._local(world, node, targets) for node in sorted(self._moving(targets))}
        return Solved(
            fps=self.motion.fps,
            turns=turns,
            moves={self.root: self._root_moves(world)},
            positions=self.rig.axes.world_points(world[..., :3, 3]),
            scale=self.scale,
            drift_mm=drift,
        )

    def _turn(self, name: str) -> FloatArray:
        """Return our joint's rotation (frame, 3, 3) in the world."""
        return self.ours[1][:, self.index[name]]

    def _targets(self) -> dict[int, FloatArray]:
        """Return the world rotation (frame, 3, 3) of every node that turns, Z up."""
        out = {}
        for name, node in self.joints.nodes.items():
            if name in self.index:
                turn = self._turn(name) @ self.rest.to_t_pose[name]
                out[node] = turn @ self.rest.turns[node]
        levels = [self._turn(name) for name in ("pelvis", "spine1", "spine2", "spine3")]
        for position, node in enumerate(self.joints.spine, start=1):
            turn = rotation_at(levels, 3.0 * position / len(self.joints.spine))
            out[node] = turn @ self.rest.upright @ self.rest.turns[node]
        for position, node in enumerate(self.joints.neck, start=1):
            neck = [self._turn("spine3"), self._turn("neck")]
            turn = rotation_at(neck, position / len(self.joints.neck))
            out[node] = turn @ self.rest.upright @ self.rest.turns[node]
        return out

    def _scale(self) -> float:
        """Return the ratio of the lengths of thigh and shank, both sides together."""
        rest = dict(zip(self.motion.joint_names, self.motion.rest_positions(), strict=True))
        theirs = {name: self.rest.places[node] for name, node in self.joints.nodes.items()}
        return _leg_length(theirs) / _leg_length(rest)

    def _our_ankle_height(self) -> float:
        """Return how high our ankle is above the sole, by the ball of the foot."""
        rest = dict(zip(self.motion.joint_names, self.motion.rest_positions(), strict=True))
        foot = rest.get("left_foot")
        return _SOLE_M + (0.0 if foot is None else float(rest["left_ankle"][2] - foot[2]))

    def _ankle_height(self) -> float:
        """Return how high the rig's ankles are above its sole at rest."""
        places = self.rest.places @ self.rest.upright.T
        ankles = [places[self.joints.nodes[f"{side}_ankle"]][2] for side in SIDES]
        return float(np.mean(ankles)) - self._rest_floor()

    def _rest_floor(self) -> float:
        """Return the height of the rig's sole at rest, metres."""
        if self.rig.floor is not None:
            return float(self.rig.floor / self.rig.axes.units_per_metre)
        names = [name for name in self.joints.nodes if name.endswith(("_ankle", "_foot"))]
        places = self.rest.places @ self.rest.upright.T
        return float(min(places[self.joints.nodes[name]][2] for name in names))

    def _hips(self, places: FloatArray) -> FloatArray:
        """Return the middle (..., 3) between the hip joints of the rig."""
        left, right = (self.joints.nodes[f"{side}_hip"] for side in SIDES)
        return np.asarray(0.5 * (places[..., left, :] + places[..., right, :]))

    def _root_places(self, standing: Standing | None) -> FloatArray:
        """Return where the hips' middle (frame, 3) goes: our way, larger by the legs.

        Its height over the ankles of a standing person grows with the legs, and the ankles are as
        high as the rig's feet: flat feet then stand on the floor.
        """
        floor = 0.0 if standing is None else standing.floor_m
        ours = self.ours[0]
        hips = 0.5 * (ours[:, self.index["left_hip"]] + ours[:, self.index["right_hip"]])
        out = self.scale * hips
        over_ankles = hips[:, 2] - floor - self._our_ankle_height()
        out[:, 2] = floor + self._ankle_height() + self.scale * over_ankles
        return np.asarray(out)

    def _pose(self, targets: dict[int, FloatArray], hips: FloatArray) -> FloatArray:
        """Return world transforms (frame, node, 4, 4), file units, with the hips' middle there."""
        world = self._kinematics(targets, np.tile(self.rig.move[self.root], (self.frames, 1)))
        away = self.rig.axes.points(hips) - self._hips(world[..., :3, 3])
        for node in [self.root, *self._below(self.root)]:
            world[:, node, :3, 3] += away
        return world

    def _below(self, node: int) -> list[int]:
        return [each for each in range(len(self.rig.names)) if node in self.rig.ancestors(each)]

    def _kinematics(self, targets: dict[int, FloatArray], move: FloatArray) -> FloatArray:
        """Return world transforms (frame, node, 4, 4) of turns in the world; `move` of the root."""
        rig = self.rig
        world = np.zeros((self.frames, len(rig.names), 4, 4))
        for node, parent in enumerate(rig.parents):
            above = np.eye(4) if parent < 0 else world[:, parent]
            turn = rig.turn[node]
            if node in targets:
                turn = self._turn_of(above, node, targets[node])
            elif node in self.twists:
                turn = self._twisted(above, world, node, targets)
            shift = move if node == self.root else rig.move[node]
            world[:, node] = above @ rig.local(node, turn, shift)
        return world

    def _turn_of(self, above: FloatArray, node: int, target: FloatArray) -> FloatArray:
        """Return the animated rotation (frame, 3, 3) of a node for one in the world, Z up."""
        before, after = self.rig.before[node], self.rig.after[node]
        reference = pure_rotation(above) @ pure_rotation(before)
        wanted = self.rig.axes.file_from_world @ target @ pure_rotation(after).T
        return np.asarray(np.swapaxes(reference, -1, -2) @ wanted)

    def _twisted(
        self, above: FloatArray, world: FloatArray, node: int, targets: dict[int, FloatArray]
    ) -> FloatArray:
        """Return the rotation (frame, 3, 3) of a twist bone: its share of its limb's twist."""
        share = self.twists[node]
        axis = self._rest_axis(share.limb, share.end)
        limb, other = targets[share.limb], targets[share.source]
        # Both from the rest pose, so that only what the pose adds is shared.
        relative = np.swapaxes(limb @ self.rest.turns[share.limb].T, -1, -2) @ (
            other @ self.rest.turns[share.source].T
        )
        angle = share.share * twist_about(relative, axis)
        turn = limb @ self.rest.turns[share.limb].T @ matrix_from_rotvec(angle[:, None] * axis)
        return self._turn_of(above, node, turn @ self.rest.turns[node])

    def _rest_axis(self, near: int, far: int) -> FloatArray:
        bone = self.rest.places[far] - self.rest.places[near]
        return np.asarray(bone / np.linalg.norm(bone))

    def _moving(self, targets: dict[int, FloatArray]) -> set[int]:
        return set(targets) | set(self.twists)

    def _local(self, world: FloatArray, node: int, targets: dict[int, FloatArray]) -> FloatArray:
        """Return the animated rotation (frame, 3, 3) of a node in a pose."""
        parent = self.rig.parents[node]
        above = np.eye(4) if parent < 0 else world[:, parent]
        target = self.rig.axes.file_from_world.T @ pure_rotation(world[:, node])
        return self._turn_of(above, node, target)

    def _root_moves(self, world: FloatArray) -> FloatArray:
        """Return the translation (frame, 3) of the root node that puts it where it is."""
        parent = self.rig.parents[self.root]
        above = np.eye(4) if parent < 0 else world[:, parent]
        local = np.linalg.solve(above, world[:, self.root])
        rest = self.rig.local(self.root, self._local(world, self.root, {}), np.zeros(3))
        return np.asarray((local - rest)[:, :3, 3])

    def _feet(self, world: FloatArray) -> FloatArray:
        """Return heels and balls (frame, side, part, 3) on the sole, metres, Z up."""
        out = np.zeros((self.frames, 2, 2, 3))
        turns = self.rig.axes.file_from_world.T @ pure_rotation(world)
        places = self.rig.axes.world_points(world[..., :3, 3])
        for index, side in enumerate(SIDES):
            node = self.joints.nodes[f"{side}_ankle"]
            foot = np.swapaxes(self.rest.turns[node], -1, -2)
            for part, offset in enumerate(self._sole(side)):
                out[:, index, part] = places[:, node] + turns[:, node] @ (foot @ offset)
        return out

    def _sole(self, side: str) -> tuple[FloatArray, FloatArray]:
        """Return heel and ball (3,) on the floor from the ankle, as the rig stands at rest."""
        upright = self.rest.upright
        ankle = upright @ self.rest.places[self.joints.nodes[f"{side}_ankle"]]
        height = ankle[2] - self._rest_floor()
        ball = self.joints.nodes.get(f"{side}_foot")
        if ball is not None:
            ahead = upright @ self.rest.places[ball] - ankle
        else:
            length = _leg_length({n: self.rest.places[k] for n, k in self.joints.nodes.items()})
            ahead = np.array([0.0, -_BALL_AHEAD * length, 0.0])
        ahead = ahead * [1.0, 1.0, 0.0]
        down = np.array([0.0, 0.0, -height])
        return upright.T @ (down - _HEEL_BEHIND * ahead), upright.T @ (down + ahead)

    def _drift(self, world: FloatArray, standing: Standing) -> float:
        """Return the worst slide of heel or ball in the median stance, mm."""
        feet = self._feet(world)
        found = [
            slide_mm(feet[:, side, part], standing.standing[:, side, part])
            for side in range(2)
            for part in range(len(PARTS))
        ]
        known = [each for each in found if np.isfinite(each)]
        return max(known) if known else float("nan")

    def _carried(
        self, world: FloatArray, targets: dict[int, FloatArray], standing: Standing
    ) -> FloatArray:
        """Return the hips' middle (frame, 3) that carries standing feet where they stand.

        Thighs and shanks of other proportions, held as ours, would move the feet under hips that
        go our way. The bones keep our directions when the hips give way instead.
        """
        legs, _ = self._held(world, targets, standing)
        weight = np.stack(
            [
                faded(np.asarray(standing.standing[:, side].any(axis=-1)), self.motion.fps)
                for side in range(2)
            ],
            axis=1,
        )
        total = weight.sum(axis=1)
        change = (weight[..., None] * legs.ankle_change).sum(axis=1)
        hips = self._hips(self.rig.axes.world_points(world[..., :3, 3]))
        known = np.flatnonzero(total > _SURELY_STANDS)
        if not len(known):
            return hips
        change = change[known] / total[known, None]
        frames = np.arange(self.frames)
        move = np.stack([np.interp(frames, known, column) for column in change.T], axis=-1)
        sigma = _CARRY_S * self.motion.fps
        return np.asarray(hips + gaussian_filter1d(move, sigma, axis=0, mode="nearest"))

    def _held(
        self, world: FloatArray, targets: dict[int, FloatArray], standing: Standing
    ) -> tuple[LegPair, list[list[int]]]:
        """Return the legs with what holds their feet, and their nodes."""
        legs, nodes = self._legs(world, targets)
        contacts = FootContacts(
            standing.standing,
            np.ones(standing.standing.shape),
            self._feet(world),
            np.zeros((2, 2)),
            standing.floor_m,
        )
        for side in range(2):
            hold_foot(legs, contacts, side, exact=True)
        return legs, nodes

    def _legs(
        self, world: FloatArray, targets: dict[int, FloatArray]
    ) -> tuple[LegPair, list[list[int]]]:
        nodes = [[self.joints.nodes[f"{side}_{name}"] for name in _LEG] for side in SIDES]
        places = self.rig.axes.world_points(world[..., :3, 3][:, nodes])
        return LegPair(places, self._leg_turns(targets, nodes), self.motion.fps), nodes

    def _stepped(
        self,
        world: FloatArray,
        targets: dict[int, FloatArray],
        standing: Standing,
        *,
        lift: bool,
    ) -> tuple[FloatArray, dict[int, FloatArray]]:
        """Return the pose with feet held where they stand, or with soles above the floor."""
        if lift:
            legs, nodes = self._legs(world, targets)
            depth = np.maximum(standing.floor_m - self._feet(world)[..., 2].min(axis=2), 0.0)
            if not (depth > _DEEP_M).any():
                return world, targets
            legs.ankle_change[..., 2] = at_least(depth, self.motion.fps)
        else:
            legs, nodes = self._held(world, targets, standing)
        move, solved = legs.solve()
        changed = dict(targets)
        for side, (bent, chain) in enumerate(zip(solved, nodes, strict=True)):
            rests = self._leg_rests(chain, SIDES[side])
            for node, rest, turn in zip(
                chain, rests, (bent.hip, bent.knee, bent.ankle), strict=True
            ):
                changed[node] = turn @ rest
            ball = self.joints.nodes.get(f"{SIDES[side]}_foot")
            if ball is not None:
                # Toes keep their bend in the foot.
                foot = np.swapaxes(targets[chain[2]], -1, -2) @ targets[ball]
                changed[ball] = changed[chain[2]] @ foot
        hips = self._hips(self.rig.axes.world_points(world[..., :3, 3])) + move
        return self._pose(changed, hips), changed

    def _leg_rests(self, chain: list[int], side: str) -> list[FloatArray]:
        """Return what our world rotations are put before, for the joints of a leg."""
        return [
            self.rest.to_t_pose[f"{side}_{name}"] @ self.rest.turns[node]
            for name, node in zip(_LEG, chain, strict=True)
        ]

    def _leg_turns(self, targets: dict[int, FloatArray], nodes: list[list[int]]) -> FloatArray:
        """Return rotations (frame, side, 3, 3, 3) from the T-pose: x is the hinge of a knee."""
        out = np.zeros((self.frames, 2, 3, 3, 3))
        for side, chain in enumerate(nodes):
            rests = self._leg_rests(chain, SIDES[side])
            for each, (node, rest) in enumerate(zip(chain, rests, strict=True)):
                out[:, side, each] = targets[node] @ rest.T
        return out


# Less of a fade than this says nothing about the hips.
_SURELY_STANDS = 0.05
# Soles less deep in the floor than this are on it.
_DEEP_M = 1e-5
# Our ball of the foot is this high above the sole.
_SOLE_M = 0.02


def _leg_length(places: Mapping[str, FloatArray]) -> float:
    """Return the mean length of the legs from hip to ankle."""
    lengths = [
        np.linalg.norm(places[f"{side}_{lower}"] - places[f"{side}_{upper}"])
        for side in SIDES
        for upper, lower in pairwise(_LEG)
    ]
    return 0.5 * float(np.sum(lengths))
