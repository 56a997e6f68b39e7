"""What height, mass and sex of a person bring to the fitted body, and what several takes do.

Random persons of the free body's population in lively motion, 23 keypoints with 10 mm of noise per
axis: mean distance of the skin to the true one (both at rest, centred), error of the bones of
trunk and limbs, and of the mass. The sex is drawn first and the shape about its mean.

    python benchmarks/body_facts.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.body.fit.fit import fit
from mocap.body.fit.subject import subject_of, take_evidence
from mocap.body.model import BodyModel, load_free_body
from mocap.body.shape_prior import BodyFacts, body_height, body_mass_kg
from mocap.core.shapes import FloatArray
from mocap.synthetic.motion.random_motion import (
    BODY_23,
    measured_points,
    random_motion,
    true_points,
)

FPS, FRAMES, TAKES = 60.0, 90, 3
SEEDS = range(820, 830)
SAID = {
    "nothing": (),
    "height": ("height_m",),
    "mass": ("mass_kg",),
    "height, mass": ("height_m", "mass_kg"),
    "height, mass, sex": ("height_m", "mass_kg", "sex"),
}


def errors(model: BodyModel, found: FloatArray, truth: FloatArray) -> tuple[float, float, float]:
    """Return the errors of skin and bones in mm and of the mass in kg."""
    skin = model.rest_vertices(found) - model.rest_vertices(truth)
    skin = skin - skin.mean(axis=0)
    above = list(model.parents[1:22])
    lengths = [
        np.linalg.norm(joints[1:22] - joints[above], axis=-1)
        for joints in (model.joints(found), model.joints(truth))
    ]
    return (
        1000.0 * float(np.linalg.norm(skin, axis=-1).mean()),
        1000.0 * float(np.abs(lengths[0] - lengths[1]).mean()),
        abs(body_mass_kg(model, found) - body_mass_kg(model, truth)),
    )


def main() -> None:
    """Print the table."""
    model = load_free_body()
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        sex = ("female", "male")[seed % 2]
        betas = model.sex_shape(sex) + rng.normal(size=model.shape_count)
        truth = BodyFacts(body_height(model, betas)[0], body_mass_kg(model, betas), sex)
        takes = []
        for k in range(TAKES):
            motion = replace(random_motion(FRAMES, FPS, seed=10 * seed + k), betas=betas)
            points = true_points(motion, BODY_23)
            takes.append(measured_points(points, BODY_23, FPS, sigma_m=0.01, seed=10 * seed + k))
        for name, keys in SAID.items():
            facts = BodyFacts(**{key: getattr(truth, key) for key in keys})
            found = fit(takes[0], model, facts=facts).motion.betas
            rows.setdefault(f"one take, {name}", []).append(errors(model, found, betas))
        evidence = [each for take in takes for each in take_evidence(take, model)]
        shared = subject_of(model, evidence).betas
        rows.setdefault(f"{TAKES} takes, nothing", []).append(errors(model, shared, betas))
    print(f"{'said':30s} skin (mm)  bones (mm)  mass (kg)   means of {len(SEEDS)} persons")
    for name, values in rows.items():
        skin, bone, mass = np.mean(values, axis=0)
        print(f"{name:30s} {skin:9.1f} {bone:11.2f} {mass:10.1f}")


if __name__ == "__main__":
    main()
