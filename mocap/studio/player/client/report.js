// The player inside a report: everything is in the page.
import { Take } from "mocap/data.js";
import { View } from "mocap/view.js";

export async function start(place, unpacked) {
  const take = new Take(await unpacked("packed-take"), (index) => unpacked("packed-part" + index));
  if (take.frames) await take.fetch(0);
  globalThis.mocapView = new View(place, take);
  take.stream(0, () => globalThis.mocapView.clock.tell("loaded"));
}
