// Validates GLB files: node read_khronos.mjs JOB.json : {files, out, modules}
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const job = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const validator = createRequire(join(job.modules, 'x.js'))('gltf-validator');
const found = {};
for (const file of job.files) {
  const report = await validator.validateBytes(new Uint8Array(readFileSync(file)));
  found[file] = { ...report.issues, messages: report.issues.messages.slice(0, 5) };
}
writeFileSync(`${job.out}.json`, JSON.stringify(found));
