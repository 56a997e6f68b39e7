// What frame is shown, and how it goes on: the one clock that videos, scene and curves follow.

export const SPEEDS = [0.125, 0.25, 0.5, 1, 2, 4];

export class Clock {
  constructor(frames, fps) {
    Object.assign(this, { frames, fps, frame: 0, playing: false, speed: 1, backward: false, loop: true, span: null, listeners: [], master: null });
  }

  on(listener) { this.listeners.push(listener); }
  tell(what) { for (const each of this.listeners) each(this, what); }
  get first() { return this.span ? this.span[0] : 0; }
  get last() { return this.span ? this.span[1] : this.frames - 1; }

  show(frame, what = "seek") {
    const next = Math.min(Math.max(Math.round(frame), 0), this.frames - 1);
    if (next === this.frame && what === "frame") return;
    this.frame = next;
    if (what === "seek") this.restart();
    this.tell(what);
  }

  step(by) {
    this.pause();
    this.show(this.frame + by);
  }

  restart() {
    this.start = performance.now();
    this.startFrame = this.frame;
  }

  play(speed = this.speed, backward = false) {
    if (this.frames < 2) return;
    Object.assign(this, { speed, backward, playing: true });
    if (!backward && this.frame >= this.last) this.frame = this.first;
    this.restart();
    this.tell("play");
    cancelAnimationFrame(this.timer);
    this.timer = requestAnimationFrame(() => this.tick());
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    cancelAnimationFrame(this.timer);
    this.tell("pause");
  }

  toggle() { if (this.playing) this.pause(); else this.play(this.speed); }

  // The video that is watched leads, so that its image and the scene are of one frame; without a
  // video that can play the wall clock does.
  tick() {
    if (!this.playing) return;
    const led = this.backward ? null : this.master?.();
    const passed = ((performance.now() - this.start) / 1000) * this.fps * this.speed * (this.backward ? -1 : 1);
    let next = led ?? this.startFrame + Math.trunc(passed);
    if (next > this.last || next < this.first) {
      if (!this.loop) { this.show(this.backward ? this.first : this.last, "frame"); this.pause(); return; }
      this.frame = this.backward ? this.last : this.first;
      this.restart();
      this.tell("seek");
    } else this.show(next, "frame");
    this.timer = requestAnimationFrame(() => this.tick());
  }
}
