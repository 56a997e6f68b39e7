// The 3D scene: people, cameras, floor, feet that stand, trails; seen freely or through a camera.
import { lensTexture, lensUniforms, lensed } from "mocap/lens.js";
import { PEOPLE, SIDES, SOURCES, ink } from "mocap/colours.js";

const THREE = globalThis.THREE;
const UP = new THREE.Vector3(0, 0, 1);
const GRID_M = 0.5, GRID_HALF_M = 5, TRAIL_FRAMES = 60;

export class Scene {
  constructor(place, take) {
    this.place = place;
    this.take = take;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "scene-canvas";
    place.append(this.canvas);
    this.renderer = new THREE.WebGLRenderer({ canvas: this.canvas, antialias: true, alpha: true, preserveDrawingBuffer: true });
    this.uniforms = lensUniforms(THREE);
    this.textures = new Map();
    this.free = new THREE.PerspectiveCamera(40, 1, 0.05, 200);
    this.free.up.copy(UP);
    this.fixed = new THREE.PerspectiveCamera(40, 1, 0.05, 200);
    this.fixed.matrixAutoUpdate = false;
    this.through = null;
    this.show = { body: true, keypoints: take.meta.bodies.length === 0, sigma: false, cameras: true, trails: false, feet: true };
    this.hidden = new Set();
    this.trails = new Set();
    this.root = new THREE.Scene();
    this.root.add(new THREE.HemisphereLight(0xffffff, 0x8a8f96, 0.75));
    const sun = new THREE.DirectionalLight(0xffffff, 0.55);
    sun.position.set(2, -3, 5);
    this.root.add(sun);
    this.controls = new THREE.OrbitControls(this.free, this.canvas);
    this.controls.addEventListener("change", () => this.draw());
    this.build();
    this.home();
    new ResizeObserver(() => this.resize()).observe(place);
    this.resize();
  }

  material(kind, options) { return lensed(new kind(options), this.uniforms); }

  build() {
    const { take } = this, count = take.people.length * take.keypoints.length;
    this.floor = new THREE.LineSegments(floorGeometry(take.meta.box), this.material(THREE.LineBasicMaterial, { transparent: true, opacity: 0.9 }));
    this.rig = new THREE.Group();
    this.cameraLines = this.material(THREE.LineBasicMaterial, {});
    for (const camera of take.cameras) this.rig.add(new THREE.LineSegments(frustumGeometry(camera, take.meta.box), this.cameraLines));
    const ball = new THREE.SphereGeometry(1, 16, 12), rod = new THREE.CylinderGeometry(1, 1, 1, 10, 6, true);
    const paint = () => this.material(THREE.MeshLambertMaterial, {});
    this.dots = instanced(ball, paint(), count);
    this.rods = instanced(rod, paint(), take.people.length * take.meta.bones.length);
    this.clouds = instanced(ball, this.material(THREE.MeshLambertMaterial, { transparent: true, opacity: 0.3, depthWrite: false }), count);
    this.feet = instanced(new THREE.CylinderGeometry(1, 1, 0.004, 24), this.material(THREE.MeshBasicMaterial, { transparent: true, opacity: 0.6 }), 2 * take.meta.bodies.length);
    this.paths = new THREE.LineSegments(new THREE.BufferGeometry(), this.material(THREE.LineBasicMaterial, { vertexColors: true }));
    for (const each of [this.feet, this.paths, this.dots, this.rods, this.clouds]) each.frustumCulled = false;
    this.bodies = take.meta.bodies.map((body, index) => this.skin(body, index));
    this.root.add(this.floor, this.rig, this.dots, this.rods, this.clouds, this.feet, this.paths, ...this.bodies.map((each) => each.mesh));
    this.restyle();
  }

  skin(body, index) {
    const { arrays, meta } = this.take, geometry = new THREE.BufferGeometry();
    const places = Float32Array.from(arrays["vertices" + index], (each) => each * meta.step);
    geometry.setAttribute("position", new THREE.BufferAttribute(places, 3));
    geometry.setIndex(new THREE.BufferAttribute(arrays["faces" + body.like], 1));
    geometry.setAttribute("skinIndex", new THREE.BufferAttribute(arrays["joints" + body.like], 4));
    geometry.setAttribute("skinWeight", new THREE.BufferAttribute(arrays["weights" + body.like], 4, true));
    geometry.computeVertexNormals();
    const mesh = new THREE.SkinnedMesh(geometry, this.material(THREE.MeshLambertMaterial, {}));
    const bones = body.joints.map(() => { const bone = new THREE.Bone(); bone.matrixAutoUpdate = false; return bone; });
    const inverses = body.rest.map(([x, y, z]) => new THREE.Matrix4().makeTranslation(-x, -y, -z));
    mesh.bind(new THREE.Skeleton(bones, inverses), new THREE.Matrix4());
    mesh.frustumCulled = false;
    const person = this.take.people.findIndex((each) => each.id === body.person);
    const turns = body.joints.map(() => new THREE.Quaternion()), places3 = body.joints.map(() => new THREE.Vector3());
    return { body, index, mesh, bones, person, turns, places: places3, offsets: body.offsets.map((each) => new THREE.Vector3(...each)) };
  }

  restyle() {
    this.floor.material.color.set(ink("--grid"));
    this.cameraLines.color.set(ink("--soft"));
    for (const each of this.bodies) each.mesh.material.color.set(this.take.people.length > 1 ? PEOPLE[each.person % PEOPLE.length] : "#aab7c4");
    this.feet.material.color.set(SIDES.stands);
  }

  home() {
    const [low, high] = this.take.meta.box, middle = low.map((each, k) => (each + high[k]) / 2), size = Math.max(1.2, Math.hypot(...low.map((each, k) => high[k] - each)));
    const floor = Math.min(0, low[2]);
    middle[2] = (floor + high[2]) / 2;
    const reach = 0.5 * size / Math.tan((20 * Math.PI) / 180) * 1.12;
    this.free.position.set(middle[0] + 0.5 * reach, middle[1] - 0.85 * reach, middle[2] + 0.3 * reach);
    this.controls.target.set(...middle);
    this.controls.update();
  }

  // Look through camera `index`, or freely with null; `window` is its image on the canvas, CSS pixels.
  look(index) {
    this.through = index;
    this.controls.enabled = index === null;
    this.resize();
  }

  resize() {
    const width = Math.max(this.place.clientWidth, 1), height = Math.max(this.place.clientHeight, 1);
    this.size = [width, height];
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.renderer.setSize(width, height, false);
    this.free.aspect = width / height;
    this.free.updateProjectionMatrix();
    this.window = null;
    if (this.through !== null) this.aim(this.take.cameras[this.through], width, height);
    this.uniforms.lensOn.value = this.through === null ? 0 : 1;
    this.draw();
    this.onwindow?.(this.window);
  }

  aim(camera, width, height) {
    const [w, h] = camera.size, scale = Math.min(width / w, height / h), left = (width - scale * w) / 2, top = (height - scale * h) / 2;
    this.window = { left, top, scale, width: scale * w, height: scale * h };
    if (!this.textures.has(camera.index)) this.textures.set(camera.index, lensTexture(THREE, camera));
    const u = this.uniforms;
    u.lensTable.value = this.textures.get(camera.index);
    u.lensNodes.value = u.lensTable.value.image.width;
    u.lensLow.value.set(...camera.low);
    u.lensStep.value.set(...camera.step);
    // Pixel 0 is the middle of the first pixel: the image begins at -0.5.
    u.lensWindow.value.set((2 * scale) / width, (-2 * scale) / height, (2 * (left + 0.5 * scale)) / width - 1, 1 - (2 * (top + 0.5 * scale)) / height);
    const flip = new THREE.Matrix4().makeScale(1, -1, -1), pose = new THREE.Matrix4().set(...camera.pose.flat());
    this.fixed.matrix.copy(flip.multiply(pose)).invert();
    this.fixed.matrixWorldNeedsUpdate = true;
  }

  set(frame) {
    this.frame = frame;
    const { take } = this;
    if (!take.at(frame)) return;
    this.pose(frame);
    this.stick(frame);
    this.trace(frame);
    this.draw();
  }

  pose(frame) {
    const { part, row } = this.take.at(frame), { missing, step, origin } = this.take.meta;
    let stands = 0;
    for (const each of this.bodies) {
      const count = each.bones.length, turns = part.arrays["turns" + each.index], root = part.arrays["root" + each.index];
      const misfit = this.take.arrays["misfit" + each.index][frame];
      each.mesh.visible = this.show.body && !this.hidden.has(each.person) && root[3 * row] !== missing;
      each.mesh.material.opacity = Number.isFinite(misfit) ? 1 : 0.35;
      each.mesh.material.transparent = !Number.isFinite(misfit) || this.through !== null;
      if (this.through !== null) each.mesh.material.opacity *= 0.6;
      for (let j = 0; j < count; j++) {
        const k = 4 * (row * count + j), q = each.turns[j].set(turns[k + 1], turns[k + 2], turns[k + 3], turns[k]).normalize(), parent = each.body.parents[j];
        if (parent < 0) each.places[j].set(...[0, 1, 2].map((axis) => origin[axis] + step * root[3 * row + axis]));
        else {
          each.places[j].copy(each.offsets[j]).applyQuaternion(each.turns[parent]).add(each.places[parent]);
          q.premultiply(each.turns[parent]);
        }
        each.bones[j].matrixWorld.compose(each.places[j], q, new THREE.Vector3(1, 1, 1));
      }
      const standing = part.arrays["standing" + each.index];
      for (const [side, name] of [[0, "left_foot"], [1, "right_foot"]]) {
        if (!this.show.feet || !standing[2 * row + side] || !each.mesh.visible) continue;
        const toe = each.places[each.body.joints.indexOf(name)];
        put(this.feet, stands++, new THREE.Matrix4().compose(new THREE.Vector3(toe.x, toe.y, 0.003), new THREE.Quaternion().setFromUnitVectors(new THREE.Vector3(0, 1, 0), UP), new THREE.Vector3(0.09, 1, 0.09)));
      }
    }
    done(this.feet, stands);
  }

  stick(frame) {
    const { take, show } = this, place = [0, 0, 0], other = [0, 0, 0];
    let dots = 0, rods = 0, clouds = 0;
    for (let p = 0; p < take.people.length; p++) {
      if (this.hidden.has(p)) continue;
      for (let k = 0; k < take.keypoints.length; k++) {
        if (!take.point(frame, p, k, place)) continue;
        const colour = SOURCES[take.meta.sources[take.of("source", frame, p, k)]];
        if (show.keypoints) put(this.dots, dots++, new THREE.Matrix4().makeScale(0.018, 0.018, 0.018).setPosition(...place), colour);
        const l = show.sigma ? take.spread(frame, p, k) : null;
        if (l) put(this.clouds, clouds++, new THREE.Matrix4().set(l[0], 0, 0, place[0], l[1], l[2], 0, place[1], l[3], l[4], l[5], place[2], 0, 0, 0, 1), colour);
      }
      if (show.keypoints) for (const [a, b] of take.meta.bones) {
        if (!take.point(frame, p, a, place) || !take.point(frame, p, b, other)) continue;
        put(this.rods, rods++, between(place, other, 0.009), boneColour(take, p, a, b));
      }
    }
    done(this.dots, dots);
    done(this.rods, rods);
    done(this.clouds, clouds);
  }

  trace(frame) {
    const places = [], colours = [], at = [0, 0, 0], next = [0, 0, 0];
    this.paths.visible = this.show.trails && this.trails.size > 0;
    if (!this.paths.visible) return;
    for (let p = 0; p < this.take.people.length; p++) for (const k of this.trails)
      for (let f = Math.max(0, frame - TRAIL_FRAMES); f < frame; f++) {
        if (!this.take.point(f, p, k, at) || !this.take.point(f + 1, p, k, next)) continue;
        places.push(...at, ...next);
        const colour = new THREE.Color(SOURCES[this.take.meta.sources[this.take.of("source", f, p, k)]]);
        for (let end = 0; end < 2; end++) colours.push(colour.r, colour.g, colour.b);
      }
    this.paths.geometry.dispose();
    this.paths.geometry = new THREE.BufferGeometry();
    this.paths.geometry.setAttribute("position", new THREE.Float32BufferAttribute(places, 3));
    this.paths.geometry.setAttribute("color", new THREE.Float32BufferAttribute(colours, 3));
  }

  draw() {
    this.rig.visible = this.show.cameras && this.through === null;
    const [width, height] = this.size ?? [1, 1], box = this.window;
    // Clearing obeys the scissor too: what was drawn beside the image before must go.
    this.renderer.setScissorTest(false);
    this.renderer.clear();
    this.renderer.setScissorTest(Boolean(box));
    if (box) this.renderer.setScissor(box.left, height - box.top - box.height, box.width, box.height);
    else this.renderer.setScissor(0, 0, width, height);
    this.renderer.render(this.root, this.through === null ? this.free : this.fixed);
  }
}

function instanced(geometry, material, count) {
  const mesh = new THREE.InstancedMesh(geometry, material, Math.max(count, 1));
  mesh.setColorAt(0, new THREE.Color("#ffffff"));
  mesh.count = 0;
  return mesh;
}

function put(mesh, index, matrix, colour) {
  mesh.setMatrixAt(index, matrix);
  mesh.setColorAt(index, new THREE.Color(colour ?? "#ffffff"));
}

function done(mesh, count) {
  mesh.count = count;
  mesh.visible = count > 0;
  mesh.instanceMatrix.needsUpdate = true;
  if (mesh.instanceColor) mesh.instanceColor.needsUpdate = true;
}

function between(a, b, radius) {
  const from = new THREE.Vector3(...a), to = new THREE.Vector3(...b), along = to.clone().sub(from), length = along.length();
  const turn = new THREE.Quaternion().setFromUnitVectors(new THREE.Vector3(0, 1, 0), along.divideScalar(length || 1));
  return new THREE.Matrix4().compose(from.add(to).multiplyScalar(0.5), turn, new THREE.Vector3(radius, length, radius));
}

function boneColour(take, person, a, b) {
  if (take.people.length > 1) return PEOPLE[person % PEOPLE.length];
  const names = [take.keypoints[a], take.keypoints[b]];
  for (const side of ["left", "right"]) if (names.every((name) => name.startsWith(side))) return SIDES[side];
  return SIDES.middle;
}

function floorGeometry([low, high]) {
  const middle = [0, 1].map((axis) => Math.round((low[axis] + high[axis]) / 2)), places = [];
  const reach = Math.max(3, Math.min(GRID_HALF_M, Math.ceil(Math.max(high[0] - low[0], high[1] - low[1]))));
  for (let k = -reach; k <= reach; k++) for (let step = -reach; step < reach; step += GRID_M) {
    places.push(middle[0] + k, middle[1] + step, 0, middle[0] + k, middle[1] + step + GRID_M, 0);
    places.push(middle[0] + step, middle[1] + k, 0, middle[0] + step + GRID_M, middle[1] + k, 0);
  }
  return new THREE.BufferGeometry().setAttribute("position", new THREE.Float32BufferAttribute(places, 3));
}

// The viewing pyramid of a camera by the middle of its lens table: the four corners of the image.
export function frustumGeometry(camera, [low, high]) {
  const length = 0.12 * Math.max(1.5, Math.hypot(...low.map((each, k) => high[k] - each)));
  const nodes = Math.round(Math.sqrt(camera.lens.length / 2)), corners = [];
  // The table reaches 12 % of the image beyond it on each side.
  for (const [x, y] of [[-1, -1], [1, -1], [1, 1], [-1, 1]]) {
    const angles = [x, y].map((side, axis) => camera.low[axis] + 0.5 * (nodes - 1) * camera.step[axis] * (1 + side / 1.24));
    const angle = Math.hypot(...angles), steep = Math.min(angle, 1.1), across = Math.tan(steep) / (angle || 1);
    const ray = [length * across * angles[0], length * across * angles[1], length];
    corners.push([0, 1, 2].map((axis) => camera.center[axis] + [0, 1, 2].reduce((sum, row) => sum + camera.pose[row][axis] * ray[row], 0)));
  }
  const places = [];
  corners.forEach((corner, k) => places.push(...camera.center, ...corner, ...corner, ...corners[(k + 1) % 4]));
  return new THREE.BufferGeometry().setAttribute("position", new THREE.Float32BufferAttribute(places, 3));
}
