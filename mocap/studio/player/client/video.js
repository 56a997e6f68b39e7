// One camera's recording: the image shown is the one that belongs to the frame, to the frame.

// Seeking aims at the middle of the time for which an image is shown, so that rounding of
// containers and browsers (milliseconds) never ends at a neighbour.
export class Video {
  constructor(camera, fps) {
    Object.assign(this, { camera, fps, image: -1, wanted: -1, failed: "" });
    this.element = document.createElement("video");
    Object.assign(this.element, { muted: true, playsInline: true, preload: "auto", src: camera.source, tabIndex: -1 });
    this.element.setAttribute("aria-label", "video of " + camera.name);
    this.element.disablePictureInPicture = true;
    this.offset = 0;
    this.ready = new Promise((done) => { this.started = done; });
    this.element.addEventListener("loadeddata", () => { this.started(); if (this.wanted >= 0) this.seek(this.wanted); }, { once: true });
    this.element.addEventListener("error", () => { this.failed = "the browser cannot play this video"; this.onchange?.(); this.started(); });
    this.element.addEventListener("seeked", () => this.settle());
    this.watch();
  }

  // Every image that is shown tells its time; the first tells where the container's clock begins.
  watch() {
    const element = this.element;
    if (!element.requestVideoFrameCallback) return;
    const seen = (_, { mediaTime }) => {
      if (!this.began) { this.began = true; if (element.currentTime === 0) this.offset = mediaTime; }
      this.told = this.nearest(mediaTime - this.offset);
      if (!this.busy) this.image = this.told;
      this.onchange?.();
      element.requestVideoFrameCallback(seen);
    };
    element.requestVideoFrameCallback(seen);
  }

  nearest(time) {
    const { times } = this.camera;
    let low = 0, high = times.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < time) low = middle + 1; else high = middle;
    }
    return low > 0 && time - times[low - 1] <= times[low] - time ? low - 1 : low;
  }

  imageOf(frame) { return this.camera.image[frame] ?? -1; }

  middleOf(image) {
    const { times } = this.camera, next = image + 1 < times.length ? times[image + 1] : times[image] + 1 / this.fps;
    return this.offset + times[image] + Math.min(0.5 * (next - times[image]), 0.5 / this.fps);
  }

  // Show the image of a frame; resolves when it is on the screen.
  show(frame) {
    const image = this.imageOf(frame);
    this.element.style.visibility = image < 0 ? "hidden" : "";
    if (image < 0 || this.failed) return Promise.resolve(false);
    return this.seek(image);
  }

  seek(image) {
    this.wanted = image;
    if (this.image === image && !this.busy) return Promise.resolve(true);
    this.done ??= new Promise((resolve) => { this.resolve = resolve; });
    // While one seek runs the next waits: browsers drop images when seeks pile up.
    if (!this.busy && this.element.readyState > 0) {
      this.busy = image + 1;
      this.element.currentTime = this.middleOf(image);
    }
    return this.done;
  }

  // A seek has ended: the image on the screen is the one whose time holds the moment that was asked
  // for. Browsers that tell the time of what they paint confirm it; videos out of sight are not told.
  settle() {
    if (!this.element.paused) { this.busy = 0; return; }
    const asked = this.busy - 1;
    this.busy = 0;
    if (asked < 0) return;
    if (asked !== this.wanted) { this.seek(this.wanted); return; }
    this.image = asked;
    this.onchange?.();
    const resolve = this.resolve;
    this.done = this.resolve = undefined;
    resolve?.(true);
  }

  play(frame, speed) {
    const image = this.imageOf(frame);
    if (image < 0 || this.failed) return;
    this.element.playbackRate = speed;
    if (Math.abs(this.image - image) > 1) this.element.currentTime = this.middleOf(image);
    this.busy = 0;
    this.element.play().catch(() => {});
  }

  pause() { this.element.pause(); }

  // Keep step with the others while playing: cameras drift apart by their clocks and by decoding.
  follow(frame) {
    const image = this.imageOf(frame);
    if (image < 0) { this.element.style.visibility = "hidden"; return; }
    this.element.style.visibility = "";
    if (this.element.paused) this.play(frame, this.element.playbackRate);
    else if (Math.abs(this.image - image) > Math.max(2, 0.25 * this.fps)) this.element.currentTime = this.middleOf(image);
  }
}
