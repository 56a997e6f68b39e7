// Reads one file with the loaders of three.js and writes what it holds as numbers.
// node read_three.mjs JOB.json : {file, kind, names, frames, fps, skin_frames, out, modules}
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const job = JSON.parse(readFileSync(process.argv[2], 'utf8'));
globalThis.self = globalThis;
const image = { addEventListener() {}, removeEventListener() {} };
globalThis.document = { createElementNS: () => image };
const from = (path) => import(pathToFileURL(join(job.modules, 'three', path)).href);
const THREE = await from('build/three.module.js');
const raw = readFileSync(job.file);
const buffer = raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength);

async function load() {
  if (job.kind === 'fbx') {
    const { FBXLoader } = await from('examples/jsm/loaders/FBXLoader.js');
    const scene = new FBXLoader().parse(buffer, '');
    return { scene, clips: scene.animations, scale: 0.01 };
  }
  if (job.kind === 'glb') {
    const { GLTFLoader } = await from('examples/jsm/loaders/GLTFLoader.js');
    const loader = new GLTFLoader();
    // There is no browser here to decode pictures; where joints are does not depend on them.
    const blank = () => Promise.resolve(new THREE.Texture());
    loader.register(() => ({ name: 'blank_textures', loadTexture: blank }));
    const file = await new Promise((done, fail) => loader.parse(buffer, '', done, fail));
    return { scene: file.scene, clips: file.animations, scale: 1 };
  }
  const { BVHLoader } = await from('examples/jsm/loaders/BVHLoader.js');
  const { skeleton, clip } = new BVHLoader().parse(raw.toString('utf8'));
  const scene = new THREE.Group();
  scene.add(skeleton.bones[0]);
  return { scene, clips: [clip], scale: 0.01 };
}

const { scene, clips, scale } = await load();
const bones = new Map();
const roots = [];
const meshes = [];
scene.traverse((node) => {
  if (node.isBone) {
    if (!bones.has(node.name)) bones.set(node.name, node);
    if (!node.parent || !node.parent.isBone) roots.push(node.name);
  }
  if (node.isSkinnedMesh) meshes.push(node);
});
const mixer = new THREE.AnimationMixer(scene);
const clip = job.take ? clips.find((each) => each.name.includes(job.take)) : clips[0];
const action = mixer.clipAction(clip);
action.setLoop(THREE.LoopOnce);
action.clampWhenFinished = true;
action.play();

const values = [];
const point = new THREE.Vector3();
const push = (p) => values.push(p.x * scale, -p.z * scale, p.y * scale);
const skins = [];
for (let frame = 0; frame < job.frames; frame++) {
  // Just before the end of the clip: three.js counts its duration in 32 bits.
  action.time = Math.min(frame / job.fps, clip.duration);
  mixer.update(0);
  scene.updateMatrixWorld(true);
  for (const name of job.names) {
    const bone = bones.get(THREE.PropertyBinding.sanitizeNodeName(name));
    push(bone.getWorldPosition(point));
  }
  if (meshes.length && job.skin_frames.includes(frame)) {
    const start = values.length;
    meshes[0].skeleton.update();
    for (let i = 0; i < meshes[0].geometry.attributes.position.count; i++) {
      meshes[0].getVertexPosition(i, point);
      push(point.applyMatrix4(meshes[0].matrixWorld));
    }
    skins.push(values.splice(start));
  }
}
const facts = {
  skeletons: roots.length,
  roots,
  clips: clips.length,
  seconds: clip.duration,
  vertices: skins.length ? skins[0].length / 3 : 0,
};
writeFileSync(`${job.out}.json`, JSON.stringify(facts));
writeFileSync(`${job.out}.bin`, Buffer.from(new Float64Array([...values, ...skins.flat()]).buffer));
