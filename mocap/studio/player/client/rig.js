// The calibration room: the rig in 3D, what each camera saw of the board, pairs, findings.
import { frustumGeometry } from "mocap/scene.js";
import { element } from "mocap/view.js";
import { ink } from "mocap/colours.js";

const THREE = globalThis.THREE;
const table = (head, rows) => element("div", { class: "scrolls", tabindex: 0, role: "region", "aria-label": head[0] + " table" }, element("table", {},
  element("thead", {}, element("tr", {}, ...head.map((each) => element("th", { scope: "col" }, each)))),
  element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, String(cell))))))));
const fixed = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits) : "–");

export class RigView {
  constructor(place, data, root) {
    Object.assign(this, { data, root });
    const { report } = data;
    this.stage = element("div", { class: "stage", role: "group", "aria-label": "3D view of the rig" });
    const told = element("section", {});
    if (report) {
      told.append(element("p", { class: "verdict " + report.verdict }, `Verdict: ${report.verdict}`));
      told.append(element("ul", {}, ...report.findings.map((each) => element("li", {}, `${each.level}: ${each.text} ${each.remedy}`))));
      for (const note of report.notes) told.append(element("p", { class: "span" }, note));
    } else told.append(element("p", {}, "This calibration was imported: nothing tells how it was made."));
    this.cards = element("div", { class: "rig-cards" });
    place.replaceChildren(element("div", { class: "room player" }, element("div", {}, this.stage, this.cards), element("aside", { class: "side" }, told, this.leftOut(), this.pairs(), this.dropped())));
    this.build();
    data.cameras.forEach((camera, k) => this.card(camera, k));
    this.recolour = () => this.redraw();
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.scheme.addEventListener("change", this.recolour);
  }

  dispose() { this.scheme.removeEventListener("change", this.recolour); this.renderer.dispose(); }

  build() {
    const canvas = element("canvas", { class: "scene-canvas" });
    this.stage.append(canvas);
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true, preserveDrawingBuffer: true });
    this.root3 = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(45, 1, 0.05, 300);
    this.camera.up.set(0, 0, 1);
    const centers = this.data.cameras.map((each) => each.center), low = [0, 1, 2].map((k) => Math.min(...centers.map((c) => c[k]))), high = [0, 1, 2].map((k) => Math.max(...centers.map((c) => c[k])));
    this.lines = new THREE.LineBasicMaterial();
    for (const camera of this.data.cameras) this.root3.add(new THREE.LineSegments(frustumGeometry({ ...camera, lens: { length: 2 * camera.nodes * camera.nodes } }, [low, high]), this.lines));
    const map = this.data.report?.error_map;
    if (map?.points_m?.length) {
      const geometry = new THREE.BufferGeometry(), worst = Math.max(map.worst_mm, 1e-6);
      geometry.setAttribute("position", new THREE.Float32BufferAttribute(map.points_m.flat(), 3));
      geometry.setAttribute("color", new THREE.Float32BufferAttribute(map.sd_mm.flatMap((sd) => { const c = new THREE.Color().lerpColors(new THREE.Color("#0072b2"), new THREE.Color("#e69f00"), Math.min(sd / worst, 1)); return [c.r, c.g, c.b]; }), 3));
      this.root3.add(new THREE.Points(geometry, new THREE.PointsMaterial({ size: 0.09, vertexColors: true })));
    }
    const size = Math.max(2, Math.hypot(...low.map((each, k) => high[k] - each))), middle = low.map((each, k) => (each + high[k]) / 2);
    this.grid = new THREE.GridHelper(Math.ceil(size * 1.5), Math.ceil(size * 1.5));
    this.grid.rotation.x = Math.PI / 2;
    this.grid.position.set(middle[0], middle[1], 0);
    this.root3.add(this.grid);
    this.camera.position.set(middle[0] + size, middle[1] - 1.2 * size, middle[2] + 0.8 * size);
    this.controls = new THREE.OrbitControls(this.camera, canvas);
    this.controls.target.set(middle[0], middle[1], middle[2] / 2);
    this.controls.addEventListener("change", () => this.draw());
    new ResizeObserver(() => this.resize()).observe(this.stage);
    this.controls.update();
    this.resize();
  }

  resize() {
    const { clientWidth: w, clientHeight: h } = this.stage;
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.renderer.setSize(w, h, false);
    this.camera.aspect = w / Math.max(h, 1);
    this.camera.updateProjectionMatrix();
    this.draw();
  }

  draw() {
    this.lines.color.set(ink("--ink"));
    this.grid.material.vertexColors = false;
    this.grid.material.color.set(ink("--grid"));
    this.renderer.render(this.root3, this.camera);
  }

  redraw() { this.draw(); this.painters.forEach((paint) => paint()); }

  pairs() {
    const rows = (this.data.report?.pairs ?? []).map((pair) => [`${pair.first} – ${pair.second}`, pair.shared_frames, pair.agreeing_frames, fixed(pair.distance_m, 2) + " m", pair.bridge === null ? "" : "bridge of " + pair.bridge]);
    return element("section", {}, element("h2", {}, "Pairs"), rows.length ? table(["Pair", "both saw it", "agree", "apart", ""], rows) : element("p", {}, "nothing is known"));
  }

  // Frames that a person does not believe: entries of calibration/edits.toml; then the rig is solved again.
  leftOut() {
    this.problem = element("p", { class: "error", role: "alert" });
    this.doing = element("p", { class: "doing", role: "status" });
    this.list = element("ol");
    const again = element("button", { type: "button", onclick: () => this.change("calibrate", {}) }, "Calibrate again");
    this.tell(this.data.left_out);
    return element("section", {}, element("h2", {}, "Frames left out by hand"), this.list, element("div", { class: "row" }, again), this.doing, this.problem);
  }

  tell(entries) {
    this.list.replaceChildren(...entries.map((words, k) => element("li", {}, words + " ", element("button", { type: "button", class: "small", "aria-label": "Take back " + (k + 1), onclick: () => this.change("take-back", { number: k + 1 }) }, "Take back"))));
  }

  async change(what, body) {
    this.problem.textContent = "";
    const answer = await fetch(`${this.root}/api/rig/${what}`, { method: "POST", body: JSON.stringify(body) }), told = await answer.json();
    if (!answer.ok) this.problem.textContent = told.error;
    else if (told.left_out) this.tell(told.left_out);
    else this.working = told.number;
  }

  // How the work goes; true when it has ended and the room is to be drawn anew.
  hear(job) {
    if (!job || job.number !== this.working) return false;
    this.doing.textContent = job.running ? job.now || job.about : (job.lines.at(-1)?.[1] ?? "done");
    if (!job.running) { this.working = null; this.problem.textContent = job.error; }
    return !job.running && !job.error;
  }

  dropped() {
    const views = this.data.report?.dropped_views ?? [];
    return element("section", {}, element("h2", {}, "Views left out"), views.length
      ? element("ul", {}, ...views.map((view) => element("li", {}, element("button", { type: "button", class: "small", onclick: () => this.goTo(view.camera, view.frame) }, `${view.camera}, frame ${view.frame}`), ` ${fixed(view.shift_px, 1)} px: ${view.reason}`)))
      : element("p", {}, "none"));
  }

  goTo(name, frame) { this.steppers[name]?.(frame); }

  // Coverage and residuals of a camera over its image; the board in its frames can be stepped through.
  card(camera, k) {
    this.painters ??= [];
    this.steppers ??= {};
    const told = this.data.report?.cameras.find((each) => each.name === camera.name), canvas = element("canvas", { role: "img", "aria-label": "what " + camera.name + " saw of the board" });
    const words = told ? `${camera.name}: ${told.frames} frames, ${told.corners} corners, ${Math.round(100 * told.coverage)} % covered, rms ${fixed(told.rms_px, 2)} px, focal ${fixed(told.focal_px, 0)} ± ${fixed(told.focal_sd_px, 1)} px` : `${camera.name}: rms ${fixed(camera.rms_px, 2)} px`;
    const caption = element("figcaption", {}, words), figure = element("figure", {}, canvas, caption);
    let at = -1, picture = null;
    const [w, h] = camera.size, paint = () => {
      canvas.width = 480;
      canvas.height = Math.round((480 * h) / w);
      const c = canvas.getContext("2d"), scale = 480 / w;
      c.fillStyle = ink("--empty");
      c.fillRect(0, 0, canvas.width, canvas.height);
      if (picture && at >= 0) c.drawImage(picture, 0, 0, canvas.width, canvas.height);
      else if (told) told.coverage_grid.forEach((row, y) => row.forEach((count, x) => {
        c.fillStyle = "#0072b2";
        c.globalAlpha = count ? Math.min(0.15 + count / 400, 0.7) : 0;
        c.fillRect((x * canvas.width) / row.length, (y * canvas.height) / told.coverage_grid.length, canvas.width / row.length - 1, canvas.height / told.coverage_grid.length - 1);
        c.globalAlpha = 1;
      }));
      c.fillStyle = "#e69f00";
      const frames = at >= 0 ? [camera.frames[at]] : camera.frames;
      for (const { pixels } of frames) for (const [x, y] of pixels) c.fillRect((x + 0.5) * scale - (at >= 0 ? 3 : 1), (y + 0.5) * scale - (at >= 0 ? 3 : 1), at >= 0 ? 6 : 2, at >= 0 ? 6 : 2);
      if (told && at < 0) {
        c.strokeStyle = ink("--ink");
        told.residual_grid_px.forEach((row, y) => row.forEach(([dx, dy], x) => {
          const px = ((x + 0.5) * canvas.width) / row.length, py = ((y + 0.5) * canvas.height) / told.residual_grid_px.length;
          c.beginPath();
          c.moveTo(px, py);
          c.lineTo(px + 60 * dx, py + 60 * dy);
          c.stroke();
        }));
      }
    };
    this.painters.push(paint);
    if (camera.frames.length) {
      const slider = element("input", { type: "range", min: -1, max: camera.frames.length - 1, value: -1, "aria-label": "Frame of the board, " + camera.name });
      const show = async () => {
        at = Number(slider.value);
        const frame = camera.frames[at]?.frame;
        caption.textContent = at < 0 ? words : `${camera.name}: frame ${frame}, ${camera.frames[at].pixels.length} corners`;
        picture = null;
        paint();
        if (at < 0) return;
        const image = new Image(), mine = at;
        image.src = `${this.root}/api/board/${encodeURIComponent(camera.name)}/${frame}`;
        await image.decode().catch(() => {});
        if (mine === at && image.naturalWidth) { picture = image; paint(); }
      };
      slider.addEventListener("input", show);
      this.steppers[camera.name] = (frame) => {
        const nearest = camera.frames.reduce((best, each, i) => (Math.abs(each.frame - frame) < Math.abs(camera.frames[best].frame - frame) ? i : best), 0);
        slider.value = nearest;
        figure.scrollIntoView({ block: "center" });
        show();
      };
      const bad = element("button", { type: "button", onclick: () => (at >= 0 ? this.change("leave-out", { camera: camera.name, frame: camera.frames[at].frame }) : (this.problem.textContent = "Step to the frame that is bad first.")) }, "This frame is bad");
      figure.append(slider, element("div", { class: "row" }, bad));
    }
    if (!told && !camera.frames.length) canvas.remove();
    this.cards.append(figure);
    paint();
  }
}
