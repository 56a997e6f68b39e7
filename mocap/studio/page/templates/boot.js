"use strict";
// Libraries travel packed (gzip, base64): a page of 2 MB instead of 7. The player comes first, so that
// there is something to see while the rest unpacks.
globalThis.unpacked = async (id) => {
  const raw = atob(document.getElementById(id).textContent.trim()), bytes = Uint8Array.from(raw, (each) => each.charCodeAt(0));
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
