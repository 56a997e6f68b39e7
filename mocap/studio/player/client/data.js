// A take's numbers: named arrays out of one run of bytes, and frames that arrive in parts.

const TYPES = { i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array, f4: Float32Array };
const MAGIC = "MOCAPAK1";

export function unpack(buffer) {
  const text = new TextDecoder();
  if (text.decode(new Uint8Array(buffer, 0, 8)) !== MAGIC) throw new Error("this is no data of a take");
  const length = new DataView(buffer).getUint32(8, true);
  const header = JSON.parse(text.decode(new Uint8Array(buffer, 12, length)));
  const arrays = {};
  for (const [name, { type, shape, at }] of Object.entries(header.arrays)) {
    const count = shape.reduce((product, each) => product * each, 1);
    arrays[name] = new TYPES[type](buffer, 12 + length + at, count);
  }
  return { meta: header.meta, arrays };
}

// The value of float16 bits: half the memory of float32, and browsers have no array of them.
export function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}

export class Take {
  // `load(index)` gives the bytes of a part of the frames.
  constructor(whole, load) {
    const { meta, arrays } = unpack(whole);
    Object.assign(this, { meta, arrays, load, parts: [], waiting: new Map() });
    this.frames = meta.frames;
    this.fps = meta.fps;
    this.people = meta.people;
    this.keypoints = meta.keypoints;
    this.cameras = meta.cameras.map((camera, index) => ({ ...camera, index,
      image: arrays["image" + index], times: arrays["times" + index], lens: lensPixels(arrays["lens" + index], arrays["sees" + index]) }));
    meta.bodies.forEach((body, index) => { if (body.like === index) unwind(arrays["faces" + index]); });
    this.firstFrame = this.cameras.map((camera) => frameOfImage(camera));
  }

  // Curves that arrive later than the rest.
  add(bytes) {
    const { meta, arrays } = unpack(bytes);
    this.meta.curves = meta.curves;
    Object.assign(this.arrays, arrays);
  }

  partOf(frame) { return Math.floor(frame / this.meta.part); }

  // Make sure that the frames of a part are there; several may ask for the same.
  async fetch(index) {
    if (this.parts[index]) return this.parts[index];
    if (!this.waiting.has(index)) {
      this.waiting.set(index, Promise.resolve(this.load(index)).then((bytes) => {
        this.parts[index] = unpack(bytes);
        this.waiting.delete(index);
        return this.parts[index];
      }));
    }
    return this.waiting.get(index);
  }

  // Everything else, one part after the other, from where the viewer is.
  async stream(from, told) {
    const count = Math.ceil(this.frames / this.meta.part);
    for (let k = 0; k < count; k++) {
      await this.fetch((from + k) % count);
      told?.((from + k) % count);
    }
  }

  at(frame) {
    const part = this.parts[this.partOf(frame)];
    return part ? { part, row: frame - part.meta.first } : null;
  }

  // The place of a keypoint into `out` (metres); false where it is missing or not loaded yet.
  point(frame, person, keypoint, out) {
    const found = this.at(frame);
    if (!found) return false;
    const { part, row } = found, { missing, step, origin } = this.meta;
    const k = ((row * this.people.length + person) * this.keypoints.length + keypoint) * 3, xyz = part.arrays.xyz;
    if (xyz[k] === missing || xyz[k + 1] === missing || xyz[k + 2] === missing) return false;
    for (let axis = 0; axis < 3; axis++) out[axis] = origin[axis] + step * xyz[k + axis];
    return true;
  }

  // One number per keypoint: "source", "views" or "error" (pixels).
  of(name, frame, person, keypoint) {
    const found = this.at(frame);
    if (!found) return NaN;
    const value = found.part.arrays[name][(found.row * this.people.length + person) * this.keypoints.length + keypoint];
    if (name !== "error") return value;
    return value === 65535 ? NaN : value / 20;
  }

  // The lower triangle that carries the unit sphere onto one standard deviation, metres; null if unknown.
  spread(frame, person, keypoint) {
    const found = this.at(frame);
    if (!found) return null;
    const k = ((found.row * this.people.length + person) * this.keypoints.length + keypoint) * 6;
    const out = [0, 1, 2, 3, 4, 5].map((i) => half(found.part.arrays.spread[k + i]) / 1000);
    return Number.isFinite(out[0]) ? out : null;
  }

  sigma(frame, person, keypoint) {
    const l = this.spread(frame, person, keypoint);
    return l ? Math.sqrt(l.reduce((sum, each) => sum + each * each, 0) / 3) : NaN;
  }

  // Where a camera saw a keypoint, in pixels of the calibration; null where it did not.
  seen(camera, frame, person, keypoint) {
    const found = this.at(frame), pixels = found?.part.arrays.pixels;
    if (!pixels) return null;
    const { frames } = found.part.meta, width = this.people.length * this.keypoints.length;
    const k = ((camera * frames + found.row) * width + person * this.keypoints.length + keypoint) * 2;
    return pixels[k] === this.meta.missing ? null : [pixels[k] / 4, pixels[k + 1] / 4];
  }
}

// Pixels of the nodes of a lens from their second differences along rows; NaN where it sees nothing.
export function lensPixels(bends, sees) {
  const nodes = Math.round(Math.sqrt(sees.length)), out = new Float32Array(bends.length);
  for (let row = 0; row < nodes; row++) for (let axis = 0; axis < 2; axis++) {
    let step = 0, value = 0;
    for (let node = 0; node < nodes; node++) {
      const k = row * nodes + node;
      step += bends[2 * k + axis];
      value += step;
      out[2 * k + axis] = sees[k] ? value / 64 : NaN;
    }
  }
  return out;
}

// Corners of faces from their differences; the array wraps around as it did when they were taken.
function unwind(faces) {
  for (let k = 1; k < faces.length; k++) faces[k] += faces[k - 1];
}

// For each image of a camera the first frame that shows it; -1 for none.
function frameOfImage({ image, times }) {
  const out = new Int32Array(times.length).fill(-1);
  for (let frame = image.length - 1; frame >= 0; frame--) if (image[frame] >= 0) out[image[frame]] = frame;
  return out;
}

export function seconds(frame, fps) {
  const time = frame / fps, minutes = Math.floor(time / 60);
  return (minutes ? minutes + ":" + String(Math.floor(time % 60)).padStart(2, "0") + "." + String(Math.floor((time % 1) * 100)).padStart(2, "0") : time.toFixed(2)) + " s";
}
