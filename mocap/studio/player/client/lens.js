// Through the lens of a camera: a table of where rays end, by their angles from the axis (see lens.py),
// interpolated by cubics (Catmull, Rom).
// The same in JavaScript, for overlays and checks, and on the graphics card, for the scene.

const weights = (t) => [
  0.5 * t * (t * (2 - t) - 1), 0.5 * (t * t * (3 * t - 5) + 2), 0.5 * t * (t * (4 - 3 * t) + 1), 0.5 * t * t * (t - 1)];

// World point -> [x right, y down, distance forward] in the camera's frame.
export function inCamera(camera, point) {
  return [0, 1, 2].map((row) => camera.pose[row].reduce((sum, each, k) => sum + each * (k < 3 ? point[k] : 1), 0));
}

// World point -> pixel of the calibration; null behind the camera and where the lens does not see.
export function project(camera, point) {
  const [x, y, z] = inCamera(camera, point);
  if (z < 0.01) return null;
  const nodes = Math.round(Math.sqrt(camera.lens.length / 2));
  const radius = Math.hypot(x, y), scale = radius > 1e-12 ? Math.atan2(radius, z) / radius : 1 / z;
  const at = [(x * scale - camera.low[0]) / camera.step[0], (y * scale - camera.low[1]) / camera.step[1]];
  const cell = at.map(Math.floor);
  if (cell.some((each) => each < 1 || each > nodes - 3)) return null;
  const wx = weights(at[0] - cell[0]), wy = weights(at[1] - cell[1]), out = [0, 0];
  for (let j = 0; j < 4; j++) for (let i = 0; i < 4; i++) {
    const k = 2 * ((cell[1] + j - 1) * nodes + cell[0] + i - 1);
    out[0] += wx[i] * wy[j] * camera.lens[k];
    out[1] += wx[i] * wy[j] * camera.lens[k + 1];
  }
  return out.every(Number.isFinite) ? out : null;
}

export function lensTexture(THREE, camera) {
  const nodes = Math.round(Math.sqrt(camera.lens.length / 2)), values = new Float32Array(nodes * nodes * 4);
  for (let k = 0; k < nodes * nodes; k++) for (let axis = 0; axis < 2; axis++) {
    const value = camera.lens[2 * k + axis];
    values[4 * k + axis] = Number.isFinite(value) ? value : 1e9;
  }
  const texture = new THREE.DataTexture(values, nodes, nodes, THREE.RGBAFormat, THREE.FloatType);
  texture.needsUpdate = true;
  return texture;
}

const VERTEX = `
uniform float lensOn, lensNodes; uniform sampler2D lensTable; uniform vec2 lensLow, lensStep; uniform vec4 lensWindow;
varying float vUnseen;
vec4 lensWeights(float t) {
  return vec4(.5 * t * (t * (2. - t) - 1.), .5 * (t * t * (3. * t - 5.) + 2.), .5 * t * (t * (4. - 3. * t) + 1.), .5 * t * t * (t - 1.));
}
vec4 throughLens(vec3 p) {
  float far = -p.z;
  float radius = length(p.xy), angle = atan(radius, far);
  vec2 at = (vec2(p.x, -p.y) * (radius > 1e-9 ? angle / radius : 1.) - lensLow) / lensStep, cell = floor(at);
  if (far < .01 || cell.x < 1. || cell.y < 1. || cell.x > lensNodes - 3. || cell.y > lensNodes - 3.) { vUnseen = 1.; return vec4(0., 0., 0., 1.); }
  vec4 wx = lensWeights(at.x - cell.x), wy = lensWeights(at.y - cell.y);
  vec2 pixel = vec2(0.);
  for (int j = 0; j < 4; j++) for (int i = 0; i < 4; i++)
    pixel += wx[i] * wy[j] * texture2D(lensTable, (cell + vec2(float(i), float(j)) - .5) / lensNodes).xy;
  if (abs(pixel.x) > 1e6) { vUnseen = 1.; return vec4(0., 0., 0., 1.); }
  float depth = (far - .01) / 200. * 2. - 1.;
  return vec4((pixel * lensWindow.xy + lensWindow.zw) * far, depth * far, far);
}
`;

// Give a material the lens; all materials share the uniforms, so that one switch turns all.
export function lensed(material, uniforms) {
  material.onBeforeCompile = (shader) => {
    Object.assign(shader.uniforms, uniforms);
    shader.vertexShader = shader.vertexShader
      .replace("void main() {", VERTEX + "void main() { vUnseen = 0.;")
      .replace("#include <project_vertex>", "#include <project_vertex>\nif (lensOn > .5) gl_Position = throughLens(mvPosition.xyz);");
    shader.fragmentShader = shader.fragmentShader
      .replace("void main() {", "varying float vUnseen;\nvoid main() { if (vUnseen > .0001) discard;");
  };
  return material;
}

export function lensUniforms(THREE) {
  return { lensOn: { value: 0 }, lensNodes: { value: 1 }, lensTable: { value: null },
    lensLow: { value: new THREE.Vector2() }, lensStep: { value: new THREE.Vector2(1, 1) }, lensWindow: { value: new THREE.Vector4() } };
}
