// The player inside a report: everything is in the page.
import { Take } from "mocap/data.js";
import { View } from "mocap/view.js";

export async function start(place, unpacked) {
  const take = new Take(await unpacked("packed-take"), (index) => unpacked("packed-part" + index));
  // Videos that travel in the page; their names are those of cameras, which may be anything.
  for (const camera of take.cameras) if (camera.source)
    camera.source = URL.createObjectURL(new Blob([await unpacked(camera.source)], { type: "video/mp4" }));
  if (take.frames) await take.fetch(0);
  globalThis.mocapView = new View(place, take);
  take.stream(0, () => globalThis.mocapView.clock.tell("loaded"));
}
