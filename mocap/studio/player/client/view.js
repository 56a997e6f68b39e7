// The player of one take: scene, videos, transport, timeline, curves. The same in both doors.
import { Clock, SPEEDS } from "mocap/clock.js";
import { Curves } from "mocap/curves.js";
import { seconds } from "mocap/data.js";
import { drawOver } from "mocap/overlay.js";
import { Scene } from "mocap/scene.js";
import { Timeline } from "mocap/timeline.js";
import { Video } from "mocap/video.js";
import { SOURCES } from "mocap/colours.js";

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    // The policy of the page forbids style attributes; properties are fine.
    else if (key === "style") made.style.cssText = value;
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((each) => each !== null && each !== undefined));
  return made;
}

const OPTIONS = [["body", "Body"], ["keypoints", "Keypoints"], ["sigma", "Uncertainty"], ["trails", "Trails"], ["feet", "Feet"], ["cameras", "Cameras"], ["skeleton", "On video"], ["detected", "Detected"]];
const HELP = [["Space, K", "play or pause"], ["← →", "one frame (with Shift ten)"], ["J, L", "play backward, forward; again: faster"], ["Home, End", "first, last frame"], ["I, O", "the marked span begins, ends here"], ["Esc", "no marked span"], ["0 to 9", "0 free view, 1 to 9 look through a camera"], ["B", "before or after the last change"], ["?", "this list"]];

export class View {
  constructor(place, take) {
    this.take = take;
    this.clock = new Clock(take.frames, take.fps);
    this.over = { skeleton: true, detected: false };
    this.build(place);
    this.scene = new Scene(this.stage, take);
    this.scene.onwindow = (box) => this.behind(box);
    this.videos = take.cameras.map((camera) => (camera.source ? new Video(camera, take.fps) : null));
    this.tiles();
    this.timeline = new Timeline(this.strip, take, this.clock);
    this.curves = new Curves(this.chart, this.choice, take, this.clock);
    this.curves.reading = (words) => { this.reading.textContent = words; };
    this.clock.on((clock, what) => this.follow(what));
    this.clock.master = () => this.leading();
    this.keys = (event) => this.key(event);
    document.addEventListener("keydown", this.keys);
    this.colours = matchMedia("(prefers-color-scheme: dark)");
    this.recolour = () => { this.scene.restyle(); this.redraw(); };
    this.colours.addEventListener("change", this.recolour);
    this.options();
    this.keyOfActions();
    this.follow("seek");
  }

  dispose() {
    this.clock.pause();
    document.removeEventListener("keydown", this.keys);
    this.colours.removeEventListener("change", this.recolour);
    for (const video of this.videos) if (video) { video.element.removeAttribute("src"); video.element.load(); }
    this.scene.renderer.dispose();
  }

  build(place) {
    const { take, clock } = this;
    this.stage = element("div", { class: "stage", role: "group", "aria-label": "3D view of the take" });
    this.under = element("div", { class: "under" });
    this.stage.append(this.under);
    this.label = element("p", { class: "stage-label" });
    this.stage.append(this.label);
    this.wall = element("div", { class: "wall", role: "group", "aria-label": "Cameras" });
    this.play = element("button", { type: "button", class: "play", onclick: () => clock.toggle() }, "Play");
    this.slider = element("input", { type: "range", min: 0, max: Math.max(take.frames - 1, 0), value: 0, step: 1, "aria-label": "Frame", oninput: () => clock.show(Number(this.slider.value)) });
    this.now = element("output", { class: "now" });
    this.speed = element("select", { "aria-label": "Speed", onchange: () => { clock.speed = Number(this.speed.value); if (clock.playing) clock.play(clock.speed); } });
    for (const each of SPEEDS) this.speed.append(new Option(each < 1 ? `1/${1 / each}×` : each + "×", each, each === 1, each === 1));
    this.eye = element("select", { "aria-label": "Seen from", onchange: () => this.look(this.eye.value === "" ? null : Number(this.eye.value)) }, new Option("Free view", ""));
    take.cameras.forEach((camera, k) => this.eye.append(new Option("Through " + camera.name, k)));
    this.home = element("button", { type: "button", onclick: () => { this.scene.home(); this.look(null); } }, "Whole person");
    this.loop = element("button", { type: "button", "aria-pressed": "true", onclick: () => { clock.loop = !clock.loop; this.loop.setAttribute("aria-pressed", clock.loop); } }, "Loop");
    this.shown = element("fieldset", { class: "shown" }, element("legend", {}, "Show"));
    this.strip = element("canvas", { class: "timeline", role: "img", "aria-label": "Quality of the take over time" });
    this.did = element("p", { class: "legend", hidden: true });
    this.choice = element("select", { "aria-label": "Curve" });
    this.reading = element("output", { class: "reading" });
    this.chart = element("canvas", { class: "chart", role: "img", "aria-label": "Curve over time" });
    this.span = element("p", { class: "span" });
    this.help = element("dialog", { class: "help", "aria-label": "Keys" }, element("h2", {}, "Keys"),
      element("dl", {}, ...HELP.flatMap(([key, words]) => [element("dt", {}, key), element("dd", {}, words)])),
      element("button", { type: "button", onclick: () => this.help.close() }, "Close"));
    const ask = element("button", { type: "button", onclick: () => this.help.showModal() }, "Keys");
    const legend = element("p", { class: "legend" }, ...Object.entries(SOURCES).filter(([name]) => name !== "lifted").flatMap(([name]) => [element("i", { class: "key " + name }), name + " "]), "· left blue, right green");
    place.replaceChildren(
      element("div", { class: "screen" }, this.stage, this.wall),
      element("div", { class: "transport", role: "group", "aria-label": "Playback" }, this.play, this.slider, this.now, this.speed, this.loop, this.eye, this.home, ask),
      this.shown, legend, this.strip, this.did, this.span,
      element("div", { class: "curve" }, element("div", { class: "curve-head" }, this.choice, this.reading), this.chart), this.help);
  }

  // The colours of recognised actions; nothing where nobody could be told.
  keyOfActions() {
    const spans = (this.take.meta.actions ?? []).flatMap((each) => each.spans), colours = new Map(spans.map((each) => [each.words, each.colour]));
    const alerts = (this.take.meta.actions ?? []).some((each) => each.alerts.length);
    this.did.hidden = !colours.size;
    this.did.replaceChildren("Actions, by likeness to examples, no judgement:", ...[...colours].flatMap(([name, colour]) => [element("i", { class: "key square", style: "background: " + colour }), name]), alerts ? " · a red line: an alert" : "");
  }

  tiles() {
    this.overlays = [];
    this.take.cameras.forEach((camera, k) => {
      const video = this.videos[k], canvas = element("canvas", { class: "over" });
      const box = element("div", { class: "picture", style: `aspect-ratio: ${camera.size[0]} / ${camera.size[1]}; width: min(100%, calc(var(--tile) * ${camera.size[0] / camera.size[1]}))` });
      if (video) {
        box.classList.add("filmed");
        box.append(this.placed(video.element, camera));
        video.onchange = () => { if (video.failed) words.textContent = camera.name + ": " + video.failed; this.onimage?.(k, video.image); };
      }
      box.append(canvas);
      const words = element("span", {}, camera.name);
      const tile = element("button", { type: "button", class: "tile", "aria-pressed": "false", onclick: () => this.look(this.scene.through === k ? null : k) }, box, words);
      this.overlays.push({ canvas, camera, tile, box });
      new ResizeObserver(() => this.drawTile(k)).observe(canvas);
      this.wall.append(tile);
    });
    this.wall.hidden = !this.take.cameras.length;
  }

  // A video in its place behind pixels of the calibration: scaled, and moved where bars were cut.
  placed(video, camera) {
    const [[a, b, x], [c, d, y]] = camera.map, [w, h] = camera.size, [vw, vh] = camera.video_size;
    // Corners of the video at -0.5 land at pixels of the calibration, whose image begins at -0.5 too.
    const left = a * -0.5 + b * -0.5 + x + 0.5, top = c * -0.5 + d * -0.5 + y + 0.5;
    Object.assign(video.style, { left: (100 * left) / w + "%", top: (100 * top) / h + "%", width: (100 * a * vw) / w + "%", height: (100 * d * vh) / h + "%" });
    return video;
  }

  behind(box) {
    const { through } = this.scene, video = through === null ? null : this.videos[through];
    this.under.style.display = box ? "" : "none";
    if (!box) return;
    Object.assign(this.under.style, { left: box.left + "px", top: box.top + "px", width: box.width + "px", height: box.height + "px" });
    if (video && video.element.parentNode !== this.under) this.under.replaceChildren(video.element);
    if (!video) this.under.replaceChildren();
  }

  look(index) {
    const before = this.scene.through;
    if (before !== null && this.videos[before]) this.overlays[before].box.prepend(this.videos[before].element);
    this.scene.look(index);
    this.eye.value = index === null ? "" : String(index);
    this.overlays.forEach(({ tile }, k) => { tile.setAttribute("aria-pressed", k === index); tile.classList.toggle("looked", k === index); });
    this.scene.set(this.clock.frame);
    this.label.textContent = index === null ? "" : "through " + this.take.cameras[index].name;
    this.redraw();
    if (this.clock.playing) this.clock.play(); else this.videos.forEach((video) => video?.show(this.clock.frame));
  }

  options() {
    for (const [name, words] of OPTIONS) {
      const where = name in this.over ? this.over : this.scene.show;
      if (name === "body" && !this.take.meta.bodies.length) continue;
      const box = element("input", { type: "checkbox", onchange: () => { where[name] = box.checked; this.redraw(); } });
      box.checked = where[name];
      this.shown.append(element("label", {}, box, words));
    }
    const trail = element("select", { "aria-label": "Trail of", onchange: () => { this.scene.trails = new Set(trail.value === "" ? [] : [Number(trail.value)]); this.scene.show.trails = trail.value !== ""; this.sync(); this.redraw(); } }, new Option("no trail", ""));
    this.take.keypoints.forEach((name, k) => trail.append(new Option("trail: " + name.replaceAll("_", " "), k)));
    this.shown.append(trail);
    if (this.take.people.length > 1) this.take.people.forEach((person, p) => {
      const box = element("input", { type: "checkbox", onchange: () => { this.scene.hidden[box.checked ? "delete" : "add"](p); this.redraw(); } });
      box.checked = true;
      this.shown.append(element("label", {}, box, person.name));
    });
  }

  sync() {
    for (const label of this.shown.querySelectorAll("label")) if (label.textContent === "Trails") label.firstChild.checked = this.scene.show.trails;
  }

  async follow(what) {
    const { clock, take } = this, frame = clock.frame;
    this.slider.value = frame;
    this.now.textContent = seconds(frame, take.fps) + " · frame " + frame * (take.meta.stride ?? 1);
    this.play.textContent = clock.playing ? "Pause" : "Play";
    const { span } = clock;
    this.span.textContent = span ? `marked: frames ${span[0]} to ${span[1]} (${((span[1] - span[0] + 1) / take.fps).toFixed(2)} s)` : "I and O, or Shift and drag on the timeline, mark a span";
    if (what === "actions") this.keyOfActions();
    if (what === "span" || what === "curves" || what === "actions") return;
    if (what === "pause") this.videos.forEach((video) => video?.pause());
    if (clock.playing && !clock.backward) this.videos.forEach((video) => (what === "play" || what === "seek" ? video?.play(frame, clock.speed) : video?.follow(frame)));
    else this.shown_ = Promise.all(this.videos.map((video) => video?.show(frame)));
    if (!take.at(frame)) { await take.fetch(take.partOf(frame)); if (frame !== clock.frame) return; }
    this.redraw();
    if (what === "seek") this.settled = this.shown_;
  }

  // The frame of the image that the leading video shows; null when none can lead.
  leading() {
    const { through } = this.scene, order = through === null ? this.videos.keys() : [through, ...this.videos.keys()];
    for (const k of order) {
      const video = this.videos[k];
      if (!video || video.failed || video.image < 0 || video.element.paused || !video.element.requestVideoFrameCallback) continue;
      if (video.element.ended) return this.clock.last + 1;
      const frame = this.take.firstFrame[k][video.image];
      if (frame >= 0) return Math.max(frame, this.clock.first);
    }
    return null;
  }

  drawTile(k) {
    const { canvas, camera } = this.overlays[k];
    drawOver(canvas, this.take, camera, this.clock.frame, this.over);
  }

  redraw() {
    this.scene.set(this.clock.frame);
    this.overlays.forEach((_, k) => this.drawTile(k));
  }

  mark(which) {
    const { clock } = this, frame = clock.frame, [first, last] = clock.span ?? [0, clock.frames - 1];
    clock.span = which === "in" ? [frame, Math.max(frame, last)] : [Math.min(frame, first), frame];
    clock.tell("span");
  }

  key(event) {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "range" && event.target.type !== "checkbox";
    if (typing || event.ctrlKey || event.metaKey || event.altKey || this.help.open) return;
    const { clock } = this, by = event.shiftKey ? 10 : 1, faster = (backward) => {
      const at = SPEEDS.indexOf(clock.speed), same = clock.playing && clock.backward === backward;
      clock.play(same ? SPEEDS[Math.min(at + 1, SPEEDS.length - 1)] : 1, backward);
      this.speed.value = clock.speed;
    };
    const actions = {
      " ": () => clock.toggle(), k: () => clock.pause(), ArrowRight: () => clock.step(by), ArrowLeft: () => clock.step(-by),
      l: () => faster(false), j: () => faster(true), Home: () => clock.show(clock.first), End: () => clock.show(clock.last),
      i: () => this.mark("in"), o: () => this.mark("out"), Escape: () => { clock.span = null; clock.tell("span"); },
      b: () => this.onbefore?.(), "?": () => this.help.showModal(),
    };
    const digit = /^[0-9]$/.test(event.key) ? Number(event.key) : null;
    if (digit !== null) { if (digit <= this.take.cameras.length) this.look(digit === 0 ? null : digit - 1); return; }
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    // A button that has the focus is pressed by Space as everywhere.
    if (!action || (event.key === " " && event.target.tagName === "BUTTON")) return;
    event.preventDefault();
    action();
  }
}
