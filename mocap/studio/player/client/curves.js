// A curve with its band under the same cursor: a joint angle, or a coordinate of a keypoint.
import { ink } from "mocap/colours.js";

const PAD = { left: 52, right: 8, top: 8, bottom: 8 };

export class Curves {
  constructor(canvas, select, take, clock) {
    Object.assign(this, { canvas, select, take, clock });
    this.list();
    select.addEventListener("change", () => { this.cache = null; this.draw(); });
    new ResizeObserver(() => this.draw()).observe(canvas);
    clock.on((_, what) => { if (what === "loaded" || what === "curves") this.cache = null; if (what === "curves") this.list(); this.draw(); });
    const go = (event) => { if (event.buttons) clock.show(((event.offsetX - PAD.left) / this.wide) * take.frames - 0.5); };
    canvas.addEventListener("pointerdown", go);
    canvas.addEventListener("pointermove", go);
  }

  // All there is to choose; again when the joint angles have arrived, which take longest.
  list() {
    const { select, take } = this, before = select.value, names = take.meta.curves.map((curve, index) => new Option(curve.name, "curve " + index));
    take.people.forEach((person, p) => take.keypoints.forEach((name, k) => ["x", "y", "z"].forEach((axis, a) =>
      names.push(new Option((take.people.length > 1 ? person.name + ": " : "") + name.replaceAll("_", " ") + " " + axis + " (m)", ["point", p, k, a].join(" "))))));
    select.replaceChildren(...names);
    const start = take.keypoints.indexOf("right_wrist");
    select.value = before || (take.meta.curves.length ? "curve 0" : start < 0 ? select.options[0]?.value ?? "" : ["point", 0, start, 2].join(" "));
  }

  get wide() { return Math.max(this.canvas.clientWidth - PAD.left - PAD.right, 1); }

  values() {
    if (this.cache) return this.cache;
    const { take } = this, [kind, ...rest] = this.select.value.split(" ").map((each, k) => (k ? Number(each) : each));
    if (kind === "curve") return (this.cache = { values: take.arrays["curve" + rest[0]], spread: take.arrays["spread" + rest[0]], unit: take.meta.curves[rest[0]].unit });
    const [p, k, axis] = rest, values = new Float32Array(take.frames).fill(NaN), spread = new Float32Array(take.frames).fill(NaN), place = [0, 0, 0];
    for (let f = 0; f < take.frames; f++) if (take.point(f, p, k, place)) {
      values[f] = place[axis];
      const l = take.spread(f, p, k);
      if (l) spread[f] = Math.hypot(...[[l[0]], [l[1], l[2]], [l[3], l[4], l[5]]][axis]);
    }
    return (this.cache = { values, spread, unit: "m" });
  }

  draw() {
    const { canvas, clock, take } = this, ratio = Math.min(devicePixelRatio, 2);
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    const c = canvas.getContext("2d"), { values, spread, unit } = this.values();
    c.scale(ratio, ratio);
    c.font = "11px system-ui, sans-serif";
    let low = Infinity, high = -Infinity;
    for (const each of values ?? []) if (Number.isFinite(each)) { low = Math.min(low, each); high = Math.max(high, each); }
    if (!Number.isFinite(low)) { c.fillStyle = ink("--soft"); c.fillText("nothing is known of it", PAD.left, 24); return; }
    const room = 0.08 * Math.max(high - low, 1e-3);
    low -= room;
    high += room;
    const tall = canvas.clientHeight - PAD.top - PAD.bottom;
    const x = (frame) => PAD.left + (this.wide * (frame + 0.5)) / take.frames, y = (value) => PAD.top + tall * (1 - (value - low) / (high - low));
    this.axis(c, low, high, y, unit);
    const step = Math.max(1, Math.floor(take.frames / (2 * this.wide)));
    c.fillStyle = ink("--band");
    c.globalAlpha = 0.35;
    for (let f = 0; spread && f < take.frames; f += step) if (Number.isFinite(values[f]) && Number.isFinite(spread[f]))
      c.fillRect(x(f - 0.5 * step), y(values[f] + 2 * spread[f]), (this.wide * step) / take.frames + 0.5, Math.abs(y(values[f] - 2 * spread[f]) - y(values[f] + 2 * spread[f])));
    c.globalAlpha = 1;
    c.strokeStyle = ink("--ink");
    c.lineWidth = 1.4;
    c.beginPath();
    let pen = false;
    for (let f = 0; f < take.frames; f += step) {
      if (!Number.isFinite(values[f])) { pen = false; continue; }
      c[pen ? "lineTo" : "moveTo"](x(f), y(values[f]));
      pen = true;
    }
    c.stroke();
    c.fillStyle = ink("--cursor");
    c.fillRect(x(clock.frame) - 1, 0, 2, canvas.clientHeight);
    const now = values[clock.frame], band = spread?.[clock.frame];
    const digits = unit === "m" ? 3 : 1;
    const words = Number.isFinite(now) ? now.toFixed(digits) + (Number.isFinite(band) ? " ± " + (2 * band).toFixed(digits) : "") + " " + unit : "missing";
    this.reading?.(words);
  }

  axis(c, low, high, y, unit) {
    const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough)), step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
    c.fillStyle = ink("--soft");
    for (let value = Math.ceil(low / step) * step; value <= high; value += step) {
      c.fillText(value.toFixed(Math.max(0, -Math.floor(Math.log10(step)))), 4, y(value) + 4);
      c.globalAlpha = 0.3;
      c.fillRect(PAD.left, y(value), this.wide, 1);
      c.globalAlpha = 1;
    }
    c.fillText(unit, PAD.left + 6, 14);
  }
}
