// The stick figure and what was detected, drawn over the video of a camera.
import { project } from "mocap/lens.js";
import { PEOPLE, SIDES, SOURCES } from "mocap/colours.js";

export function drawOver(canvas, take, camera, frame, show) {
  const context = canvas.getContext("2d"), [w, h] = camera.size;
  const ratio = Math.min(devicePixelRatio, 2), width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!take.at(frame)) return;
  const scale = canvas.width / w;
  // Pixel 0 is the middle of the first pixel.
  context.setTransform(scale, 0, 0, (canvas.height / h), 0.5 * scale, 0.5 * scale);
  const unit = 1 / scale * ratio, place = [0, 0, 0];
  for (let p = 0; p < take.people.length; p++) {
    const at = take.keypoints.map((_, k) => (take.point(frame, p, k, place) ? project(camera, place) : null));
    context.lineWidth = 2 * unit;
    if (show.skeleton) for (const [a, b] of take.meta.bones) {
      if (!at[a] || !at[b]) continue;
      const side = ["left", "right"].find((each) => take.keypoints[a].startsWith(each) && take.keypoints[b].startsWith(each));
      context.strokeStyle = take.people.length > 1 ? PEOPLE[p % PEOPLE.length] : SIDES[side ?? "middle"];
      context.beginPath();
      context.moveTo(...at[a]);
      context.lineTo(...at[b]);
      context.stroke();
    }
    if (show.skeleton) at.forEach((pixel, k) => {
      if (!pixel) return;
      context.fillStyle = SOURCES[take.meta.sources[take.of("source", frame, p, k)]];
      context.beginPath();
      context.arc(...pixel, 3 * unit, 0, 2 * Math.PI);
      context.fill();
    });
    if (show.detected) {
      context.strokeStyle = "#ffffff";
      context.lineWidth = 1.2 * unit;
      take.keypoints.forEach((_, k) => {
        const pixel = take.seen(camera.index, frame, p, k);
        if (!pixel) return;
        context.beginPath();
        for (const [dx, dy] of [[-4, -4], [4, -4]]) {
          context.moveTo(pixel[0] + dx * unit, pixel[1] + dy * unit);
          context.lineTo(pixel[0] - dx * unit, pixel[1] - dy * unit);
        }
        context.stroke();
      });
    }
  }
}
