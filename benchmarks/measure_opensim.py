"""Joint angles of a take beside those of OpenSim (.mot), as a table and a plot.

    python benchmarks/measure_opensim.py POINTS.npz REFERENCE.mot [MORE.mot]
        [--offsets movenet_blazepose] [--plot FILE.html]

POINTS is a take's smoothed.npz. Both sides are shown: the body fitted to the keypoints, and the
keypoints alone. No line is held: detectors, calibration and marker models differ.

OpenSim turns its pelvis about the axes of the lab (Z-X-Y), so that its "tilt" and "list" change
places when a person walks along Z; it is brought into our sequence (Y-X-Z) first. The thigh against
the upright is hip flexion less pelvis tilt: what is left when nobody knows how the pelvis tilts.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from mocap.body.anatomical_markers import bony_landmarks
from mocap.body.fit.fit import fit
from mocap.body.landmarks import Offsets, offsets_of
from mocap.body.model import load_free_body
from mocap.body.model_motion import skeleton_from_pose
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.core.store import load_artifact
from mocap.measure.angles import AngleCurves, euler_angles, joint_angles
from mocap.measure.segments.body import segments_from_skeleton
from mocap.measure.segments.points import segments_from_points

# Ours -> OpenSim's (its models call left and right `_l` and `_r`); all have the same sign.
PAIRS = {
    f"{side}_{ours}": f"{theirs}_{side[0]}"
    for side in ("left", "right")
    for ours, theirs in (
        ("knee_flexion", "knee_angle"),
        ("hip_flexion", "hip_flexion"),
        ("hip_adduction", "hip_adduction"),
        ("ankle_dorsiflexion", "ankle_angle"),
        ("elbow_flexion", "elbow_flex"),
    )
} | {"pelvis_right_drop": "pelvis_drop", "pelvis_anterior_tilt": "pelvis_anterior_tilt"} | {
    f"{side}_thigh_to_upright": f"thigh_{side[0]}" for side in ("left", "right")
}  # fmt: skip


def read_mot(path: Path) -> dict[str, FloatArray]:
    """Return the columns of an OpenSim motion file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = lines.index("endheader") + 1
    names = [name.strip() for name in lines[start].split("\t")]
    rows = [[float(word) for word in line.split()] for line in lines[start + 1 :] if line.strip()]
    columns = dict(zip(names, np.array(rows).T, strict=True))
    lab = np.stack([columns[f"pelvis_{name}"] for name in ("tilt", "list", "rotation")], axis=-1)
    pelvis = Rotation.from_euler("ZXY", lab, degrees=True).as_matrix()
    _, columns["pelvis_drop"], tilt = np.rad2deg(euler_angles(pelvis, "YXZ")).T
    columns["pelvis_anterior_tilt"] = -tilt
    return columns | {f"thigh_{s}": columns[f"hip_flexion_{s}"] + tilt for s in "lr"}


def with_thighs(angles: AngleCurves) -> dict[str, FloatArray]:
    """Return angles by name, with the thighs against the upright."""
    out = {name: angles[name] for name in angles.names}
    for side in ("left", "right"):
        tilt = angles["pelvis_anterior_tilt"]
        out[f"{side}_thigh_to_upright"] = angles[f"{side}_hip_flexion"] - tilt
    return out


def body_angles(points: Points3D, offsets: Offsets) -> AngleCurves:
    """Return the angles of the body fitted to the keypoints."""
    model = load_free_body()
    body = fit(points, model, offsets=offsets).motion
    skeleton = skeleton_from_pose(model, body.rotation_vectors(), body.betas, body.transl, body.fps)
    landmarks = bony_landmarks(model, body.betas)
    return joint_angles(segments_from_skeleton(skeleton, landmarks))


def compared(ours: FloatArray, theirs: FloatArray) -> tuple[float, float, float]:
    """Return mean and standard deviation of the difference, and the correlation."""
    count = min(len(ours), len(theirs))
    a, b = ours[:count], theirs[:count]
    known = np.isfinite(a) & np.isfinite(b)
    a, b = a[known], b[known]
    return float(np.mean(a - b)), float(np.std(a - b)), float(np.corrcoef(a, b)[0, 1])


def plot(path: Path, fps: float, curves: dict[str, dict[str, FloatArray]]) -> None:
    """Write one panel per angle with every source in it."""
    from plotly.graph_objects import Figure, Scatter
    from plotly.subplots import make_subplots

    colours = ("#2b7bbd", "#2a9d5c", "#e69f00", "#8a8f96", "#7b5bb5")
    rows = (len(curves) + 1) // 2
    titles = [name.replace("_", " ") for name in curves]
    figure: Figure = make_subplots(rows=rows, cols=2, subplot_titles=titles)
    for k, sources in enumerate(curves.values()):
        for (name, curve), colour in zip(sources.items(), colours, strict=False):
            time_s = np.arange(len(curve)) / fps
            line = {"color": colour}
            trace = Scatter(x=time_s, y=curve, name=name, line=line, showlegend=k == 0)
            figure.add_trace(trace, row=k // 2 + 1, col=k % 2 + 1)
        figure.update_yaxes(title_text="deg", row=k // 2 + 1, col=k % 2 + 1)
        figure.update_xaxes(title_text="s", row=k // 2 + 1, col=k % 2 + 1)
    figure.update_layout(height=280 * rows, legend={"orientation": "h", "y": 1.06})
    figure.write_html(path, include_plotlyjs=True)


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("points", type=Path)
    parser.add_argument("references", type=Path, nargs="+")
    parser.add_argument("--offsets", help="where the detector puts its keypoints, by its name")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    points = load_artifact(options.points, Points3D)
    ours = {
        "fitted body": with_thighs(body_angles(points, offsets_of(options.offsets))),
        "keypoints": with_thighs(joint_angles(segments_from_points(points))),
    }
    references = {f"OpenSim {k + 1}": read_mot(p) for k, p in enumerate(options.references)}
    shown: dict[str, dict[str, FloatArray]] = {}
    for name, theirs in PAIRS.items():
        print(name)
        shown[name] = {source: angles[name] for source, angles in ours.items()}
        shown[name] |= {label: table[theirs] for label, table in references.items()}
        for source, angles in ours.items():
            for label, table in references.items():
                bias, sd, r = compared(angles[name], table[theirs])
                print(f"  {source:12} less {label}: {bias:6.1f} ± {sd:4.1f} deg, r {r:5.2f}")
        columns = [table[theirs] for table in references.values()]
        if len(columns) > 1:
            bias, sd, r = compared(columns[0], columns[1])
            print(f"  OpenSim 1 less OpenSim 2: {bias:6.1f} ± {sd:4.1f} deg, r {r:5.2f}")
    if options.plot:
        plot(options.plot, points.fps, shown)


if __name__ == "__main__":
    main()
