"""Footage of the free body, dressed by vertex colour, moving in a plain room.

Detectors were trained on clothed people: a grey mannequin or dark clothes on a dark wall are found
less precisely. Hence a saturated shirt, trousers, bare forearms, light shoes, hair, and a face.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.sparse import csr_array

from mocap.body.model import BodyModel
from mocap.core.camera import Calibration
from mocap.core.shapes import Array, BoolArray, FloatArray, IntArray
from mocap.synthetic.footage.render import STUDIO_LIGHT, Mesh, Renderer
from mocap.synthetic.scene import Room, SensorNoise, room_image

SHADOW_STRENGTH = 0.45
# The lamp is no point: the edge of the shadow is blurred by about 2 cm at 4 m.
SHADOW_BLUR_PX = 4.0
# Frames skinned at once: a few megabytes, and the footage starts at once.
SKINNED_AT_ONCE = 16


@dataclass(frozen=True)
class Clothes:
    """What a person wears: reflectances RGB, 0..1.

    Attributes:
        shirt, trousers, shoes, skin, hair, lips, iris: colours.
        sleeve_end: share of the upper arm that the sleeve covers, from the shoulder.
    """

    shirt: tuple[float, float, float] = (0.55, 0.06, 0.06)
    trousers: tuple[float, float, float] = (0.05, 0.07, 0.22)
    shoes: tuple[float, float, float] = (0.75, 0.75, 0.75)
    skin: tuple[float, float, float] = (0.62, 0.40, 0.30)
    hair: tuple[float, float, float] = (0.06, 0.04, 0.03)
    lips: tuple[float, float, float] = (0.50, 0.20, 0.18)
    iris: tuple[float, float, float] = (0.10, 0.07, 0.05)
    sleeve_end: float = 0.6


@dataclass(frozen=True, eq=False)
class Dress:
    """Clothes on a body.

    Attributes:
        reflectance: (vertex, 3).
        thickness_m: (vertex,) how far the cloth, the hair or the shoe stands off the skin.
    """

    reflectance: FloatArray
    thickness_m: FloatArray


def dress(model: BodyModel, betas: Array, clothes: Clothes) -> Dress:
    """Return the clothes on the body of a shape; body parts are told apart in the zero pose."""
    rest = model.rest_vertices(betas)
    parts = _BodyParts(model, betas, rest)
    folds, grain = _noise(rest, 0.08, seed=3), _noise(rest, 0.015, seed=4)
    colour = np.tile(clothes.skin, (len(rest), 1)) * (0.95 + 0.10 * grain)[:, None]
    thickness = np.zeros(len(rest))
    for region, reflectance, cloth_m in (
        (parts.trousers(), clothes.trousers, 0.010),
        (parts.shoes(), clothes.shoes, 0.011),
        (parts.shirt(clothes.sleeve_end), clothes.shirt, 0.008),
        (parts.hair(), clothes.hair, 0.016),
    ):
        colour[region] = np.asarray(reflectance) * (0.85 + 0.30 * grain[region])[:, None]
        thickness[region] = cloth_m * (0.4 + 1.2 * folds[region])
    parts.paint_face(colour, clothes)
    return Dress(colour, thickness)


def person_frames(
    calibration: Calibration,
    model: BodyModel,
    rotations: Array,
    transl: Array,
    betas: Array,
    room: Room,
    *,
    clothes: Clothes | None = None,
    seed: int = 0,
) -> Iterator[tuple[int, str, Array]]:
    """Yield frame number, camera name and image (h, w, 3) uint8 RGB of a moving person.

    `rotations` and `transl` are those of `BodyModel.skin`. All cameras must have the same image
    size. Frame by frame, all cameras of a frame in rig order.
    """
    meshes = clothed_meshes(model, rotations, transl, betas, clothes or Clothes())
    return mesh_frames(calibration, meshes, room, seed=seed)


def mesh_frames(
    calibration: Calibration, meshes: Iterable[Mesh], room: Room, *, seed: int = 0
) -> Iterator[tuple[int, str, Array]]:
    """Yield frame number, camera name and image of one mesh a frame, as `person_frames` does."""
    size = calibration.cameras[0].image_size
    rooms = {camera.name: room_image(room, camera) for camera in calibration.cameras}
    noise = SensorNoise(size, seed)
    with Renderer(size) as renderer:
        for frame, mesh in enumerate(meshes):
            for camera in calibration.cameras:
                image = rooms[camera.name].copy()
                shadow = renderer.draw_shadow(camera, mesh, STUDIO_LIGHT)
                if shadow is not None:
                    shadow.blurred(SHADOW_BLUR_PX).darken(image, SHADOW_STRENGTH)
                person = renderer.draw_mesh(camera, mesh, STUDIO_LIGHT)
                if person is not None:
                    person.over(image)
                yield frame, camera.name, noise.expose(image)


def clothed_meshes(
    model: BodyModel, rotations: Array, transl: Array, betas: Array, clothes: Clothes
) -> Iterator[Mesh]:
    """Yield the dressed body of every frame."""
    dressed = dress(model, betas, clothes)
    incidence = _incidence(model.faces, len(model.template))
    for first in range(0, len(rotations), SKINNED_AT_ONCE):
        block = slice(first, first + SKINNED_AT_ONCE)
        skins = model.skin(rotations[block], betas, transl[block], dtype=np.float32)
        for skin in skins:
            outward = _normals(skin, model.faces, incidence)
            cloth = skin + dressed.thickness_m[:, None] * outward
            normals = _normals(cloth, model.faces, incidence)
            yield Mesh(cloth, normals, dressed.reflectance, model.faces)


def together(meshes: Sequence[Mesh]) -> Mesh:
    """Return several meshes as one: people who hide each other where one is before the other."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([mesh.reflectance for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]),
    )


class _BodyParts:
    """Regions of the zero pose: Y up, facing +Z, arms along x."""

    def __init__(self, model: BodyModel, betas: Array, rest: FloatArray) -> None:
        self._rest = rest
        self._side = np.abs(rest[:, 0])
        joints = model.joints(betas)
        self._joint = {name: joints[index] for index, name in enumerate(model.joint_names)}
        dominant = np.array(model.joint_names)[model.dominant_joint()]
        bare = np.char.replace(np.char.replace(dominant, "left_", ""), "right_", "")
        self._head = np.isin(bare, ("head", "jaw", "eye_smplhf"))
        self._foot = np.isin(bare, ("ankle", "foot"))
        self._leg = np.isin(bare, ("hip", "knee")) | self._foot
        self._upper_arm = bare == "shoulder"
        self._trunk = np.isin(bare, ("pelvis", "spine1", "spine2", "spine3", "collar", "neck"))

    def shirt(self, sleeve_end: float) -> BoolArray:
        """From the hips to the collar, with short sleeves."""
        height = self._rest[:, 1]
        hem = self._joint["pelvis"][1] - 0.05
        # A round collar: lowest at the throat, up to the neck on the shoulders.
        throat = 0.35 * np.maximum(self._rest[:, 2], 0.0)
        collar = self._joint["neck"][1] - 0.045 - throat + np.maximum(self._side - 0.06, 0.0)
        shoulder, elbow = self._joint["left_shoulder"][0], self._joint["left_elbow"][0]
        sleeve = self._side < shoulder + sleeve_end * (elbow - shoulder)
        trunk = (self._trunk | self._leg) & (height > hem) & (height < collar)
        return np.asarray(trunk | (self._upper_arm & sleeve))

    def trousers(self) -> BoolArray:
        """From the hips to the ankles."""
        height = self._rest[:, 1]
        end = self._joint["left_ankle"][1] + 0.025
        return np.asarray((self._trunk | self._leg) & (height > end) & (height < 0.1))

    def shoes(self) -> BoolArray:
        """The feet up to the hem of the trousers."""
        return np.asarray(self._foot & (self._rest[:, 1] < self._joint["left_ankle"][1] + 0.025))

    def hair(self) -> BoolArray:
        """The head above a line that falls from the forehead to the nape."""
        eye = self._joint["left_eye_smplhf"]
        line = eye[1] + 0.045 + 0.8 * (self._rest[:, 2] - eye[2] + 0.04)
        return np.asarray(self._head & (self._rest[:, 1] > line))

    def paint_face(self, colour: FloatArray, clothes: Clothes) -> None:
        """Paint eyes, brows and mouth, where a detector looks for them."""
        eye, height = self._joint["left_eye_smplhf"], self._rest[:, 1]
        front = self._head & (self._rest[:, 2] > eye[2] - 0.03)
        across, up = self._side - eye[0], height - eye[1]
        white = front & (np.hypot(across, 1.7 * up) < 0.016)
        iris = front & (np.hypot(across, up) < 0.0065)
        brow = front & (np.hypot(across - 0.003, 3.4 * (up - 0.023)) < 0.022)
        mouth = front & (np.hypot(self._rest[:, 0], 2.6 * (up + 0.073)) < 0.026)
        colour[white] = 0.80
        colour[iris] = clothes.iris
        colour[brow] = clothes.hair
        colour[mouth] = clothes.lips


def _incidence(faces: IntArray, vertex_count: int) -> csr_array:
    """Return which faces meet at a vertex, (vertex, face)."""
    ones = np.ones(faces.size, np.float32)
    face = np.repeat(np.arange(len(faces)), 3)
    return csr_array((ones, (faces.ravel(), face)), shape=(vertex_count, len(faces)))


def _normals(vertices: Array, faces: IntArray, incidence: csr_array) -> FloatArray:
    """Return unit vertex normals (vertex, 3), faces weighted by area."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    summed = np.asarray(incidence @ np.cross(b - a, c - a), dtype=np.float64)
    length = np.linalg.norm(summed, axis=1, keepdims=True)
    return summed / np.maximum(length, 1e-12)


def _noise(points: FloatArray, cell_m: float, *, seed: int) -> FloatArray:
    """Return smooth random values 0..1 (n,) that vary over about `cell_m`."""
    grid = np.random.default_rng(seed).random((24, 24, 24))
    return np.asarray(map_coordinates(grid, points.T / cell_m, order=1, mode="grid-wrap"))
