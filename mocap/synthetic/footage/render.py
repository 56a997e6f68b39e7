"""Draw meshes and printed panels through a calibrated camera, off screen and without a GPU.

OpenGL by moderngl on EGL (Mesa's software rasteriser is enough). The picture obeys the camera of
`mocap.core.camera` to a few thousandths of a pixel: the lens is applied to every vertex, and the
centre of the top-left pixel is (0, 0). What is drawn comes back as a `Layer` to lay over a
background, so a room is computed once per camera and only the moving things once per frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from mocap.core.camera import Camera
from mocap.core.errors import MissingExtraError
from mocap.core.shapes import Array, FloatArray, IntArray, check_shapes
from mocap.core.transform import apply
from mocap.synthetic.footage import shaders

MESH_SAMPLES = 4  # per pixel; llvmpipe offers no more than 4
# Print is sharper than a pixel: 3 x 3 samples averaged keep ArUco cells square and unbiased.
PANEL_SUPERSAMPLING = 3
# 24 x 24 patches: the lens bends a patch edge by less than 0.001 px for |k1| <= 0.1 (sagitta).
PANEL_PATCHES = 24
PANEL_NEAREST_M = 0.25  # nearer panels fill the image with blur in a real camera; not drawn
# Room round a drawing, also for the blurred edge of a shadow.
WINDOW_MARGIN_PX = 10


@dataclass(frozen=True, eq=False)
class Mesh:
    """A coloured triangle mesh in the world.

    Attributes:
        vertices: (vertex, 3) metres.
        normals: (vertex, 3), any length but 0, outwards.
        reflectance: (vertex, 3) RGB share of light sent back, 0..1.
        faces: (face, 3) vertex indices, counter-clockwise seen from outside.
    """

    vertices: FloatArray
    normals: FloatArray
    reflectance: FloatArray
    faces: IntArray

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(
            self, vertices="vertex 3", normals="vertex 3", reflectance="vertex 3", faces="face 3"
        )


@dataclass(frozen=True, eq=False)
class Panel:
    """A flat printed rectangle; x right, y down and z into the print, as seen from its front.

    Attributes:
        print_image: (h, w, 3) uint8 RGB, covering the whole rectangle.
        left_m, top_m: of the rectangle in the panel's frame.
        width_m, height_m: size of the rectangle.
    """

    print_image: Array
    left_m: float
    top_m: float
    width_m: float
    height_m: float

    def patches(self) -> tuple[FloatArray, IntArray]:
        """Return a fine grid: x y z u v (vertex, 5) in metres and texture units, faces."""
        count = PANEL_PATCHES + 1
        u, v = (axis.ravel() for axis in np.meshgrid(*[np.linspace(0.0, 1.0, count)] * 2))
        x, y = self.left_m + u * self.width_m, self.top_m + v * self.height_m
        corner = np.arange(count * count).reshape(count, count)
        a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
        faces = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
        return np.stack([x, y, np.zeros_like(x), u, v], axis=1), faces


@dataclass(frozen=True, eq=False)
class Light:
    """Lamps far away and light from all around, as in a room with a bright ceiling.

    Attributes:
        key_direction, fill_direction: (3,) towards the lamps; the key lamp throws the shadow.
        key_colour, fill_colour, sky_colour, floor_colour: (3,) RGB strengths.
    """

    key_direction: FloatArray
    fill_direction: FloatArray
    key_colour: FloatArray
    fill_colour: FloatArray
    sky_colour: FloatArray
    floor_colour: FloatArray

    def uniforms(self) -> dict[str, FloatArray]:
        """Return the values of the shader's uniforms, directions as unit vectors."""
        values = dict(vars(self))
        for name in ("key_direction", "fill_direction"):
            values[name] = values[name] / np.linalg.norm(values[name])
        return values


# A lamp over the front-left of the performer, a weak one behind: form is seen, nothing is black.
STUDIO_LIGHT = Light(
    key_direction=np.array([0.45, -0.35, 1.0]),
    fill_direction=np.array([-0.6, 0.6, 0.3]),
    key_colour=np.array([0.62, 0.60, 0.57]),
    fill_colour=np.array([0.22, 0.23, 0.26]),
    sky_colour=np.array([0.50, 0.50, 0.52]),
    floor_colour=np.array([0.30, 0.28, 0.26]),
)


@dataclass(frozen=True, eq=False)
class Layer:
    """A drawn rectangle of an image, to be laid over a background.

    Attributes:
        left, top: pixel of the rectangle's top-left corner in the image.
        colour: (h, w, 3) float32, 0..255, already multiplied by `alpha`.
        alpha: (h, w) float32 share of each pixel that is covered, 0..1.
    """

    left: int
    top: int
    colour: Array
    alpha: Array

    def over(self, image: Array) -> None:
        """Lay the drawing over `image` (h, w, 3) float32, in place."""
        region = self._region(image)
        region *= 1.0 - self.alpha[..., None]
        region += self.colour

    def darken(self, image: Array, strength: float) -> None:
        """Take `strength` (0..1) of the light away from `image` where the layer covers it."""
        region = self._region(image)
        region *= 1.0 - strength * self.alpha[..., None]

    def blurred(self, sigma_px: float) -> Layer:
        """Return the coverage with soft edges, as under a lamp that is no point."""
        alpha = np.asarray(gaussian_filter(self.alpha, sigma_px))
        return Layer(self.left, self.top, self.colour, alpha)

    def _region(self, image: Array) -> Array:
        height, width = self.alpha.shape
        return image[self.top : self.top + height, self.left : self.left + width]


@dataclass(frozen=True)
class Window:
    """A rectangle of the image in pixels."""

    left: int
    top: int
    width: int
    height: int


class Renderer:
    """An OpenGL context that draws for cameras of one image size; use it in a `with`.

    Raises:
        MissingExtraError: when moderngl or the EGL library is not installed.
    """

    def __init__(self, image_size: tuple[int, int]) -> None:
        """Open the context for images of (width, height) pixels."""
        self.image_size = image_size
        self._gl = open_context()
        self._gl.enable(self._gl.DEPTH_TEST)
        self._lit = self._gl.program(shaders.MESH_VERTEX, shaders.MESH_FRAGMENT)
        self._flat = self._gl.program(shaders.SHADOW_VERTEX, shaders.SHADOW_FRAGMENT)
        self._printed = self._gl.program(shaders.PANEL_VERTEX, shaders.PANEL_FRAGMENT)
        self._samples = self._gl.simple_framebuffer(image_size, 4, samples=MESH_SAMPLES)
        self._resolved = self._gl.simple_framebuffer(image_size, 4)
        fine = (image_size[0] * PANEL_SUPERSAMPLING, image_size[1] * PANEL_SUPERSAMPLING)
        self._fine = self._gl.simple_framebuffer(fine, 4)
        # What is on the GPU now: the same mesh and panel are drawn for camera after camera.
        self._mesh: Mesh | None = None
        self._mesh_arrays: list[Any] = []
        self._panel: Panel | None = None
        self._panel_array: Any = None

    def __enter__(self) -> Renderer:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release the context and everything in it."""
        self._gl.release()

    def draw_mesh(self, camera: Camera, mesh: Mesh, light: Light) -> Layer | None:
        """Draw a lit mesh; None when it is out of the image."""
        window = image_window(camera, mesh.vertices)
        if window is None:
            return None
        self._load_mesh(mesh)
        _set(self._lit, **light.uniforms())
        return self._draw_sampled(self._mesh_arrays[0], self._lit, camera, window)

    def draw_shadow(self, camera: Camera, mesh: Mesh, light: Light) -> Layer | None:
        """Draw what of the floor (z = 0) the mesh hides from the key lamp; only alpha counts."""
        direction = light.uniforms()["key_direction"]
        height = np.maximum(mesh.vertices[:, 2:], 0.0)
        fallen = mesh.vertices - height / direction[2] * direction
        window = image_window(camera, fallen * [1.0, 1.0, 0.0])
        if window is None:
            return None
        self._load_mesh(mesh)
        _set(self._flat, key_direction=direction)
        return self._draw_sampled(self._mesh_arrays[1], self._flat, camera, window)

    def draw_panel(
        self, camera: Camera, panel: Panel, world_from_panel: Array, light: Light
    ) -> Layer | None:
        """Draw a printed panel; None when it is out of the image or nearer than 0.25 m."""
        world = apply(world_from_panel, panel.patches()[0][:, :3])
        depth = apply(camera.camera_from_world, world)[:, 2]
        window = image_window(camera, world) if depth.min() > PANEL_NEAREST_M else None
        if window is None:
            return None
        into_print = world_from_panel[:3, 2]
        seen_back = bool((camera.center - world_from_panel[:3, 3]) @ into_print > 0)
        self._load_panel(panel)
        _set(
            self._printed,
            world_from_panel=world_from_panel.T,
            brightness=panel_brightness(into_print if seen_back else -into_print, light),
            back=float(seen_back),
        )
        self._aim(self._printed, camera, window)
        return self._draw_fine(self._panel_array, window)

    def _load_mesh(self, mesh: Mesh) -> None:
        if self._mesh is mesh:
            return
        for array in self._mesh_arrays:
            array.release()
        vertices = self._gl.buffer(mesh.vertices.astype("f4").tobytes())
        shading = np.concatenate([mesh.normals, mesh.reflectance], axis=1).astype("f4")
        faces = self._gl.buffer(mesh.faces.astype("i4").tobytes())
        lit = [
            (vertices, "3f", "position"),
            (self._gl.buffer(shading.tobytes()), "3f 3f", "normal", "reflectance"),
        ]
        self._mesh_arrays = [
            self._gl.vertex_array(self._lit, lit, index_buffer=faces),
            self._gl.vertex_array(self._flat, lit[:1], index_buffer=faces),
        ]
        self._mesh = mesh

    def _load_panel(self, panel: Panel) -> None:
        if self._panel is panel:
            return
        grid, faces = panel.patches()
        self._panel_array = self._gl.vertex_array(
            self._printed,
            [(self._gl.buffer(grid.astype("f4").tobytes()), "3f 2f", "position", "uv_position")],
            index_buffer=self._gl.buffer(faces.astype("i4").tobytes()),
        )
        height, width = panel.print_image.shape[:2]
        texture = self._gl.texture((width, height), 3, panel.print_image.tobytes(), alignment=1)
        # Farther down the levels no longer halve evenly and would shift the print.
        texture.build_mipmaps(max_level=4)
        texture.filter = (self._gl.LINEAR_MIPMAP_LINEAR, self._gl.LINEAR)
        texture.anisotropy = 8.0
        texture.use()
        self._panel = panel

    def _aim(self, program: Any, camera: Camera, window: Window) -> None:
        if camera.lens_model != "standard":
            raise ValueError(f"footage is rendered with standard lenses, not {camera.lens_model}")
        fx, fy, cx, cy, k1, k2, p1, p2, k3 = camera.lens[:9]
        _set(
            program,
            camera_from_world=camera.camera_from_world.T,
            pinhole=[fx, fy, cx, cy],
            radial=[k1, k2, k3],
            tangential=[p1, p2],
            max_radius2=fold_radius2(camera),
            window=[window.width, window.height, window.left, window.top],
        )

    def _draw_sampled(self, array: Any, program: Any, camera: Camera, window: Window) -> Layer:
        self._aim(program, camera, window)
        area = (0, 0, window.width, window.height)
        self._samples.use()
        self._samples.viewport = area
        self._samples.clear(viewport=area)
        array.render()
        self._gl.copy_framebuffer(self._resolved, self._samples)
        return _layer(_read(self._resolved, area), window)

    def _draw_fine(self, array: Any, window: Window) -> Layer:
        n = PANEL_SUPERSAMPLING
        area = (0, 0, window.width * n, window.height * n)
        self._fine.use()
        self._fine.viewport = area
        self._fine.clear(viewport=area)
        array.render()
        fine = _read(self._fine, area).astype(np.float32)
        return _layer(fine.reshape(window.height, n, window.width, n, 4).mean(axis=(1, 3)), window)


def open_context() -> Any:
    """Return an off-screen OpenGL context.

    Raises:
        MissingExtraError: when moderngl or the EGL library is not installed.
    """
    try:
        import moderngl
    except ImportError as error:
        raise MissingExtraError(
            "drawing synthetic footage needs moderngl, which is not installed. "
            "Install it with: pip install 'mocap-studio[render]'"
        ) from error
    backend: Any = {"backend": "egl"}  # moderngl types its settings wrongly
    try:
        return moderngl.create_context(standalone=True, **backend)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        raise MissingExtraError(
            f"no off-screen OpenGL context could be opened ({error}). "
            "Install EGL, on Debian or Ubuntu: apt install libegl1 libgl1-mesa-dri"
        ) from error


def image_window(camera: Camera, points: Array) -> Window | None:
    """Return the part of the image that holds the world points (n, 3); None when it is empty."""
    pixels = camera.project(points)
    pixels = pixels[np.isfinite(pixels).all(axis=1)]
    if not len(pixels):
        return None
    low = np.floor(pixels.min(axis=0)).astype(int) - WINDOW_MARGIN_PX
    high = np.ceil(pixels.max(axis=0)).astype(int) + WINDOW_MARGIN_PX + 1
    left, top = (int(value) for value in np.maximum(low, 0))
    right, bottom = (int(value) for value in np.minimum(high, camera.image_size))
    if right <= left or bottom <= top:
        return None
    return Window(left, top, right - left, bottom - top)


def fold_radius2(camera: Camera) -> float:
    """Return the squared normalised radius up to which the radial polynomial keeps growing.

    At most four times the squared radius of the image corner: nothing farther out is seen.
    """
    width, height = camera.image_size
    corner = np.abs(camera.undistort(np.array([[0.0, 0.0], [width, height]]))).max(axis=0)
    r2 = np.linspace(0.0, 4.0 * float(corner @ corner), 1000)
    k1, k2, _, _, k3 = camera.dist_coeffs
    growing = 1.0 + r2 * (3.0 * k1 + r2 * (5.0 * k2 + r2 * 7.0 * k3)) > 0
    return float(r2[-1] if growing.all() else r2[np.argmin(growing)])


def panel_brightness(normal: Array, light: Light) -> float:
    """Return the brightness 0..1 of white paper whose unit normal (3,) faces the viewer."""
    lit = max(0.0, float(normal @ light.uniforms()["key_direction"]))
    return 0.62 + 0.35 * lit


def _set(program: Any, **values: Array | float | list[float]) -> None:
    """Write the uniforms; matrices come transposed, as OpenGL stores columns."""
    for name, value in values.items():
        program[name].write(np.asarray(value, dtype="f4").tobytes())


def _read(framebuffer: Any, area: tuple[int, int, int, int]) -> Array:
    """Return (h, w, 4) uint8 with the top row first."""
    data = framebuffer.read(viewport=area, components=4, alignment=1)
    return np.frombuffer(data, np.uint8).reshape(area[3], area[2], 4)[::-1]


def _layer(rgba: Array, window: Window) -> Layer:
    """Return the drawing; where it was cleared to black its colour is multiplied by alpha."""
    rgba = rgba.astype(np.float32)
    return Layer(window.left, window.top, rgba[..., :3], rgba[..., 3] / np.float32(255))
