"use strict";
// Libraries travel packed (gzip in base 85): a page of 3 MB instead of 7. The player comes first, so
// that there is something to see while the rest unpacks.
const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%.()*+-;,=>?@^_`{|}~";
globalThis.unpacked = async (id) => {
  const place = document.getElementById(id), text = place.textContent, value = new Uint8Array(128);
  for (let k = 0; k < 85; k++) value[LETTERS.charCodeAt(k)] = k;
  const whole = new Uint8Array((text.length / 5) * 4);
  for (let k = 0, at = 0; k < text.length; k += 5) {
    let word = 0;
    for (let j = 0; j < 5; j++) word = word * 85 + value[text.charCodeAt(k + j)];
    for (let j = 3; j >= 0; j--) { whole[at + j] = word & 255; word = Math.floor(word / 256); }
    at += 4;
  }
  const bytes = whole.subarray(0, Number(place.dataset.bytes));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
};
globalThis.runPacked = async (id) => {
  const script = document.createElement("script");
  script.src = URL.createObjectURL(new Blob([await unpacked(id)], { type: "text/javascript" }));
  await new Promise((done, failed) => { script.onload = done; script.onerror = failed; document.head.append(script); });
};
globalThis.playerReady = (async () => {
  const modules = document.getElementById("player-modules");
  if (!modules) return;
  await runPacked("packed-three");
  const imports = {};
  for (const [name, text] of Object.entries(JSON.parse(modules.textContent)))
    imports["mocap/" + name] = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const map = document.createElement("script");
  map.type = "importmap";
  map.textContent = JSON.stringify({ imports });
  document.head.append(map);
  const { start } = await import("mocap/report.js");
  await start(document.getElementById("player"), (id) => unpacked(id));
})();
globalThis.plotlyReady = playerReady.catch((error) => {
  const place = document.getElementById("player");
  if (place) place.textContent = "The player cannot run in this browser (" + error.message + "); one of 2023 or newer can.";
  console.warn(error);
}).then(() => (document.getElementById("packed-plotly") ? runPacked("packed-plotly") : null));
