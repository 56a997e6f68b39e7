"use strict";
// Draws the figures and plays the motion. All texts in the data are already escaped.
plotlyReady.then(() => {
  const report = JSON.parse(document.getElementById("report-data").textContent);
  const config = { responsive: true, displayModeBar: false };
  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function themed(layout) {
    const axis = { gridcolor: ink("--line"), zerolinecolor: ink("--line"), linecolor: ink("--line"), automargin: true };
    const out = { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: ink("--ink"), family: getComputedStyle(document.body).fontFamily, size: 12 },
      hoverlabel: { font: { family: getComputedStyle(document.body).fontFamily } }, ...layout };
    for (const key of Object.keys(layout)) if (/^[xy]axis/.test(key)) out[key] = { ...axis, ...layout[key] };
    for (const key of ["xaxis", "yaxis"]) if (!out.scene && !out[key]) out[key] = axis;
    return out;
  }

  function drawCharts() {
    for (const [id, figure] of Object.entries(report.charts || {}))
      Plotly.react(id, figure.data, themed(figure.layout), config);
  }

  function decode(text, Type) {
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let k = 0; k < raw.length; k++) bytes[k] = raw.charCodeAt(k);
    return new Type(bytes.buffer);
  }

  function player(scene) {
    const place = document.getElementById("scene");
    const xyz = decode(scene.xyz, Int16Array), source = decode(scene.source, Uint8Array);
    const people = scene.people.length, keypoints = scene.keypoints.length;
    const colours = scene.colours, words = ["missing", "measured", "interpolated", "extrapolated"];
    const sides = [["left", "#0072b2"], ["right", "#009e73"], ["middle", "#8a8f96"]];
    let frame = 0, close = people > 0 && scene.frames > 0;

    function point(person, members) {
      const at = members.map((keypoint) => ((frame * people + person) * keypoints + keypoint) * 3);
      if (at.some((each) => xyz[each] === scene.missing)) return [null, null, null];
      return [0, 1, 2].map((k) => scene.origin[k] + scene.step * at.reduce((sum, each) => sum + xyz[each + k], 0) / at.length);
    }
    function traces() {
      const lines = sides.map(() => [[], [], []]), dots = [[], [], []], shade = [], label = [];
      if (scene.frames) for (let p = 0; p < people; p++) {
        sides.forEach(([side], s) => {
          for (const [a, b] of scene.bones[side]) for (const end of [point(p, a), point(p, b), [null, null, null]])
            end.forEach((value, k) => lines[s][k].push(value));
        });
        for (let j = 0; j < keypoints; j++) {
          point(p, [j]).forEach((value, k) => dots[k].push(value));
          const from = source[(frame * people + p) * keypoints + j];
          shade.push(colours[from]);
          label.push((people > 1 ? "person " + scene.people[p] + ", " : "") + scene.keypoints[j] + " (" + words[from] + ")");
        }
      }
      return [...sides.map(([, colour], s) => ({ type: "scatter3d", mode: "lines", hoverinfo: "skip",
          x: lines[s][0], y: lines[s][1], z: lines[s][2], line: { color: colour, width: 6 } })),
        { type: "scatter3d", mode: "markers", x: dots[0], y: dots[1], z: dots[2], text: label,
          hovertemplate: "%{text}<br>%{x:.3f}, %{y:.3f}, %{z:.3f} m<extra></extra>", marker: { size: 4, color: shade } }];
    }
    function cameras() {
      return [...scene.cameras.map((camera) => ({ type: "scatter3d", mode: "lines", name: camera.name, hoverinfo: "name",
          x: camera.line[0], y: camera.line[1], z: camera.line[2], line: { color: ink("--soft"), width: 3 } })),
        { type: "scatter3d", mode: "text", hoverinfo: "skip", text: scene.cameras.map((camera) => camera.name),
          x: scene.cameras.map((c) => c.center[0]), y: scene.cameras.map((c) => c.center[1]),
          z: scene.cameras.map((c) => c.center[2]), textposition: "top center", textfont: { color: ink("--ink"), size: 12 } }];
    }
    function layout() {
      const box = close ? scene.close : scene.whole, size = box.map(([low, high]) => high - low);
      const scale = 1.9 / Math.hypot(...size);
      const axis = (title, range) => ({ title: { text: title }, range, gridcolor: ink("--grid"), zeroline: false,
        showbackground: false, color: ink("--soft"), showspikes: false });
      return themed({ showlegend: false, margin: { l: 0, r: 0, t: 0, b: 0 }, uirevision: close ? "close" : "whole",
        scene: { xaxis: axis("x (m)", box[0]), yaxis: axis("y (m)", box[1]), zaxis: axis("z (m)", box[2]),
          aspectmode: "manual", dragmode: "orbit",
          aspectratio: { x: scale * size[0], y: scale * size[1], z: scale * size[2] },
          camera: { eye: { x: 1.0, y: -1.3, z: 0.55 }, center: { x: 0, y: 0, z: -0.12 } } } });
    }
    const draw = () => Plotly.react(place, [...traces(), ...(close ? [] : cameras())], layout(), config);

    if (!document.getElementById("play")) { draw(); return { show: () => {}, draw }; }
    const play = document.getElementById("play"), slider = document.getElementById("frame");
    const clock = document.getElementById("clock"), speed = document.getElementById("speed"), view = document.getElementById("view");
    slider.max = Math.max(scene.frames - 1, 0);
    let busy = false, drawn = 0, timer = null, start = 0, startFrame = 0;
    async function update() {
      // Drawing may take longer than a frame: the newest one wins, and the last one is always drawn.
      if (busy) return;
      busy = true;
      while (drawn !== frame) {
        drawn = frame;
        const now = traces(), pick = (key) => now.map((trace) => trace[key]);
        await Plotly.restyle(place, { x: pick("x"), y: pick("y"), z: pick("z") }, [0, 1, 2, 3]);
        await Plotly.restyle(place, { "marker.color": [now[3].marker.color], text: [now[3].text] }, [3]);
      }
      busy = false;
    }
    function show(next) {
      frame = Math.min(Math.max(next, 0), Math.max(scene.frames - 1, 0));
      slider.value = frame;
      const real = frame * scene.stride;
      clock.textContent = (real / scene.fps).toFixed(2) + " s, frame " + real;
      update();
    }
    function tick(now) {
      const rate = Number(speed.value) * scene.fps / scene.stride;
      const next = startFrame + Math.floor((now - start) / 1000 * rate);
      if (next !== frame) show(next % scene.frames);
      if (next >= scene.frames) { start = now; startFrame = 0; }
      timer = requestAnimationFrame(tick);
    }
    function restart() { start = performance.now(); startFrame = frame; }
    function toggle() {
      if (timer === null) { restart(); timer = requestAnimationFrame(tick); } else { cancelAnimationFrame(timer); timer = null; }
      play.textContent = timer === null ? "Play" : "Pause";
    }
    play.addEventListener("click", toggle);
    speed.addEventListener("change", restart);
    slider.addEventListener("input", () => { show(Number(slider.value)); restart(); });
    const named = () => { view.textContent = close ? "Show the rig" : "Show the people"; };
    view.addEventListener("click", () => { close = !close; named(); draw(); });
    if (!scene.frames || !people) for (const each of [play, slider, view]) each.disabled = true;
    named(); draw(); show(0);
    return { show: (next) => { show(next); restart(); }, draw };
  }

  drawCharts();
  const motion = report.scene ? player(report.scene) : null;
  const time = document.getElementById("time");
  const view = globalThis.mocapView;
  if (view && time) time.on("plotly_click", (event) => {
    view.clock.show(event.points[0].x * view.take.fps);
    document.getElementById("player").scrollIntoView({ behavior: "smooth", block: "center" });
  });
  if (motion && time) time.on("plotly_click", (event) => {
    motion.show(Math.round(event.points[0].x * report.scene.fps / report.scene.stride));
    document.getElementById("scene").scrollIntoView({ behavior: "smooth", block: "center" });
  });
  const redraw = () => { drawCharts(); if (motion) motion.draw(); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  matchMedia("print").addEventListener("change", redraw);
});
