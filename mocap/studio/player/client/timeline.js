// The take along the time: quality, feet, marks and edits of each person; click goes there.
import { PEOPLE, SIDES, SOURCES, ink } from "mocap/colours.js";

// Left and right as the curve below has them: one cursor runs through both.
const ROW = 46, STRIP = 18, RULER = 20, LEFT = 52, RIGHT = 8;

const words = (span) => `${span.words} from ${span.start_s.toFixed(1)} to ${span.end_s.toFixed(1)} s`;

export class Timeline {
  constructor(canvas, take, clock) {
    Object.assign(this, { canvas, take, clock, edits: [] });
    this.fit();
    new ResizeObserver(() => this.draw()).observe(canvas);
    clock.on((_, what) => { if (what === "actions") this.fit(); this.draw(); });
    let from = null;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      from = this.frameAt(event.offsetX);
      if (event.shiftKey) clock.span = [from, from]; else clock.show(from);
      this.marking = event.shiftKey;
      clock.tell("span");
    });
    canvas.addEventListener("pointermove", (event) => {
      const frame = this.frameAt(event.offsetX);
      canvas.title = this.markAt(event.offsetX)?.name ?? this.toldAt(event.offsetX, event.offsetY);
      if (from === null) return;
      if (this.marking) { clock.span = [Math.min(from, frame), Math.max(from, frame)]; clock.tell("span"); } else clock.show(frame);
    });
    canvas.addEventListener("pointerup", (event) => {
      const mark = this.markAt(event.offsetX);
      if (mark && !this.marking) clock.show(mark.frame);
      if (this.marking && clock.span[0] === clock.span[1]) clock.span = null;
      from = null;
      clock.tell("span");
    });
  }

  get wide() { return Math.max(this.canvas.clientWidth - LEFT - RIGHT, 1); }
  x(frame) { return LEFT + (this.wide * (frame + 0.5)) / this.take.frames; }
  frameAt(x) { return Math.min(Math.max(Math.floor(((x - LEFT) / this.wide) * this.take.frames), 0), this.take.frames - 1); }
  get row() { return ROW + (this.take.meta.actions?.length ? STRIP : 0); }

  // Recognised actions come last: then each person's row is taller by their strip, and is told in words.
  fit() {
    const { canvas, take } = this, told = (take.meta.actions ?? []).map(({ person, spans }) => this.nameOf(person) + ": " + spans.map(words).join(", "));
    canvas.style.height = RULER + this.row * Math.max(take.people.length, 1) + 14 + "px";
    canvas.setAttribute("aria-label", ["Quality of the take over time", ...told].join(". "));
  }

  nameOf(id) { return this.take.people.find((each) => each.id === id)?.name ?? "person " + id; }

  // What is under the pointer, in words: how well the person is known there, or what they did.
  toldAt(x, y) {
    const { take } = this, p = Math.floor((y - RULER) / this.row), person = take.people[p];
    return y < RULER || !person ? "" : this.actionAt(x, y) || this.qualityAt(this.frameAt(x), p);
  }

  qualityAt(frame, p) {
    const { take } = this, [measured, there, views, sigma] = [0, 1, 2, 3].map((row) => take.arrays.quality[(p * 4 + row) * take.frames + frame]);
    const errors = take.keypoints.map((_, k) => take.of("error", frame, p, k)).filter(Number.isFinite).sort((a, b) => a - b), middle = errors.length >> 1;
    return [`frame ${frame * (take.meta.stride ?? 1)}: ${Math.round(measured / 2)} % measured, ${Math.round((there - measured) / 2)} % filled`, `${(views / 10).toFixed(1)} views`,
      errors.length ? `${((errors[middle] + errors[errors.length - 1 - middle]) / 2).toFixed(1)} px apart from the images` : "", sigma < 255 ? `± ${sigma} mm` : ""].filter(Boolean).join(", ");
  }

  actionAt(x, y) {
    const { take } = this, p = Math.floor((y - RULER) / this.row), t = (((x - LEFT) / this.wide) * take.frames) / take.fps;
    if (y < RULER + this.row * p + ROW - 2) return "";
    const did = take.meta.actions?.find((each) => each.person === take.people[p]?.id), span = did?.spans.find((each) => each.start_s <= t && t < each.end_s);
    const alert = did?.alerts.find((each) => each.start_s <= t && t < each.start_s + each.seconds);
    return [span && words(span) + `, likeness ${Math.round(100 * span.confidence)} %`, alert && "alert: " + alert.says].filter(Boolean).join("; ");
  }

  markAt(x) { return this.take.meta.marks.find((mark) => Math.abs(this.x(mark.frame) - x) < 5); }

  draw() {
    const { canvas, take, clock } = this, ratio = Math.min(devicePixelRatio, 2);
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    const c = canvas.getContext("2d");
    c.scale(ratio, ratio);
    c.font = "11px system-ui, sans-serif";
    this.ruler(c);
    take.people.forEach((person, p) => this.person(c, p, RULER + this.row * p));
    for (const edit of this.edits) this.edit(c, edit);
    if (clock.span) {
      c.fillStyle = ink("--mark");
      c.globalAlpha = 0.22;
      c.fillRect(this.x(clock.span[0] - 0.5), 0, this.x(clock.span[1] + 0.5) - this.x(clock.span[0] - 0.5), canvas.clientHeight);
      c.globalAlpha = 1;
    }
    for (const mark of take.meta.marks) this.flag(c, mark);
    c.fillStyle = ink("--cursor");
    c.fillRect(this.x(clock.frame) - 1, 0, 2, canvas.clientHeight);
  }

  ruler(c) {
    const { take } = this, length = take.frames / take.fps;
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300].find((each) => (length / each) * 64 < this.wide) ?? 600;
    c.fillStyle = ink("--soft");
    for (let t = 0; t <= length; t += step) {
      const x = this.x(t * take.fps - 0.5);
      c.fillRect(x, RULER - 5, 1, 5);
      c.fillText(step < 1 ? t.toFixed(1) : String(Math.round(t)), x + 3, RULER - 7);
    }
  }

  // Above: share of keypoints that is measured, filled, missing. Below: uncertainty and the feet.
  person(c, p, top) {
    const { take } = this, quality = take.arrays.quality, frames = take.frames;
    const columns = Math.min(Math.ceil(this.wide), frames), high = 16;
    for (let column = 0; column < columns; column++) {
      const first = Math.floor((column * frames) / columns), end = Math.max(first + 1, Math.floor(((column + 1) * frames) / columns));
      let measured = 255, there = 255, sigma = 0;
      for (let f = first; f < end; f++) {
        measured = Math.min(measured, quality[(p * 4) * frames + f]);
        there = Math.min(there, quality[(p * 4 + 1) * frames + f]);
        sigma = Math.max(sigma, quality[(p * 4 + 3) * frames + f]);
      }
      // Whole pixels: edges between columns would shine through.
      const x = Math.round(LEFT + (this.wide * column) / columns), w = Math.round(LEFT + (this.wide * (column + 1)) / columns) - x;
      c.fillStyle = ink("--empty");
      c.fillRect(x, top, w, high);
      c.fillStyle = SOURCES.interpolated;
      c.fillRect(x, top + high * (1 - there / 200), w, high * (there / 200));
      c.fillStyle = SOURCES.measured;
      c.fillRect(x, top + high * (1 - measured / 200), w, high * (measured / 200));
      const tall = sigma >= 255 ? 0 : Math.min(sigma / 40, 1) * 10;
      c.fillStyle = ink("--soft");
      c.fillRect(x, top + high + 11 - tall, w, tall);
    }
    const body = take.meta.bodies.findIndex((each) => each.person === take.people[p].id);
    if (body >= 0) for (const part of take.parts) {
      if (!part) continue;
      const standing = part.arrays["standing" + body];
      for (let row = 0; row < part.meta.frames; row++) for (let side = 0; side < 2; side++) if (standing[2 * row + side]) {
        c.fillStyle = side ? SIDES.right : SIDES.left;
        c.fillRect(this.x(part.meta.first + row - 0.5), top + high + 14 + 5 * side, this.wide / frames + 0.6, 4);
      }
    }
    this.actions(c, take.people[p].id, top + ROW - 4);
    c.fillStyle = ink("--soft");
    for (const [name, y] of [["seen", 12], ["± mm", 24], ["feet", 38], ["action", 53]]) if (name !== "action" || this.row > ROW) c.fillText(name, 8, top + y);
    if (take.people.length > 1) {
      c.fillStyle = PEOPLE[p % PEOPLE.length];
      c.fillRect(0, top, 5, high);
    }
  }

  // What the person did: each stretch in the colour of its label, its words where they fit; alerts as a line below.
  actions(c, id, top) {
    const { take } = this, did = take.meta.actions?.find((each) => each.person === id), at = (t) => this.x(t * take.fps - 0.5);
    for (const span of did?.spans ?? []) {
      const x = at(span.start_s), w = at(span.end_s) - x;
      c.fillStyle = span.colour;
      c.fillRect(x, top, Math.max(w - 1, 1), STRIP - 5);
      c.fillStyle = span.ink;
      if (c.measureText(span.words).width < w - 8) c.fillText(span.words, x + 4, top + 10);
    }
    c.fillStyle = ink("--bad");
    for (const alert of did?.alerts ?? []) c.fillRect(at(alert.start_s), top + STRIP - 4, Math.max(at(alert.start_s + alert.seconds) - at(alert.start_s), 2), 3);
  }

  edit(c, { entry, kind }) {
    if (kind === "event") return;
    const first = entry.from_frame ?? 0, last = entry.to_frame ?? this.take.frames - 1, bottom = this.canvas.clientHeight - 10;
    c.fillStyle = kind === "trim" ? ink("--soft") : ink("--mark");
    if (kind === "trim") {
      c.globalAlpha = 0.45;
      c.fillRect(LEFT, RULER, this.x(first - 0.5) - LEFT, bottom);
      c.fillRect(this.x(last + 0.5), RULER, LEFT + this.wide - this.x(last + 0.5), bottom);
      c.globalAlpha = 1;
    } else c.fillRect(this.x(first - 0.5), bottom, Math.max(this.x(last + 0.5) - this.x(first - 0.5), 3), 6);
  }

  flag(c, mark) {
    const x = this.x(mark.frame);
    c.fillStyle = mark.kind === "warning" ? ink("--warn") : ink("--ink");
    c.fillRect(x - 0.5, 4, 1, this.canvas.clientHeight - 14);
    c.beginPath();
    c.moveTo(x, 3);
    c.lineTo(x + 8, 7);
    c.lineTo(x, 11);
    c.fill();
  }
}
