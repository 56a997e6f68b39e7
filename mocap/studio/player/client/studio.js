// The studio: choose a take, see it, mark what is wrong, solve again, write files.
import { Take } from "mocap/data.js";
import { Edits } from "mocap/edits.js";
import { RigView } from "mocap/rig.js";
import { View, element } from "mocap/view.js";

const ROOT = document.body.dataset.root, WINDOW = Math.random().toString(36).slice(2);
const FORMATS = ["bvh", "fbx", "glb", "usdc", "c3d", "trc", "csv", "npz"];

export async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(ROOT + path, options);
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({ error: answer.statusText }))).error);
  return answer;
}
const json = async (path, body) => (await ask(path, body)).json();
const address = (take, rest) => `/api/takes/${encodeURIComponent(take)}/${rest}`;

class Studio {
  async start() {
    this.main = document.getElementById("main");
    this.state = document.getElementById("state");
    this.session = await json("/api/session");
    document.title = this.session.name + " – mocap studio";
    document.querySelector(".bar h1").textContent = this.session.name;
    const choice = document.getElementById("take");
    for (const { name } of this.session.takes) choice.append(new Option(name, name));
    const asked = new URLSearchParams(location.search).get("take");
    if (this.session.takes.some((take) => take.name === asked)) choice.value = asked;
    choice.addEventListener("change", () => this.open(choice.value));
    document.getElementById("room-take").addEventListener("click", () => this.open(choice.value));
    document.getElementById("room-rig").addEventListener("click", () => this.openRig());
    if (choice.value) await this.open(choice.value);
    else this.say("This session has no takes: copy videos to takes/NAME/CAMERA.mp4.");
    setInterval(() => this.poll().catch(() => { this.state.textContent = "The server has ended: start `mocap studio` again."; }), 1000);
  }

  say(words) { this.main.replaceChildren(element("p", { class: "notice" }, words)); }

  room(which) {
    for (const each of ["take", "rig"]) document.getElementById("room-" + each).setAttribute("aria-pressed", each === which);
    this.view?.dispose();
    this.rigView?.dispose();
    this.view = this.rigView = null;
  }

  async open(name) {
    this.room("take");
    this.name = name;
    this.notices = element("div", { role: "status" });
    const place = element("div", { class: "player" }), side = element("aside", { class: "side", "aria-label": "Changes and files" });
    this.main.replaceChildren(this.notices, element("div", { class: "room" }, place, side));
    this.side = side;
    try {
      if (!this.session.takes.find((each) => each.name === name).points)
        throw new Error("Nothing was reconstructed of this take yet: “Run everything” does it.");
      const take = await this.load(name);
      if (this.name !== name) return;
      this.view = new View(place, take);
      this.view.onbefore = () => this.compare();
      this.before = null;
      this.tellStale(take);
    } catch (error) { this.notice("nothing", error.message); }
    this.edits = new Edits(this, side);
    this.work(side);
    await this.edits.load();
  }

  async load(name) {
    const whole = await (await ask(address(name, "whole"))).arrayBuffer();
    const take = new Take(whole, async (index) => (await ask(address(name, `part/${take.meta.version}/${index}`))).arrayBuffer());
    if (take.frames) await take.fetch(0);
    const tell = (what) => { if (this.view?.take === take) this.view.clock.tell(what); };
    this.later(take, name, tell);
    return take;
  }

  // What is not needed for the first picture, one after the other; an error costs what follows nothing.
  async later(take, name, tell) {
    const angles = (which) => async () => { take.add(await (await ask(address(name, which))).arrayBuffer()); tell("curves"); };
    const steps = [
      () => take.stream(0, () => tell("loaded")), angles("curves"),
      async () => { take.meta.actions = await json(address(name, "actions")); tell("actions"); }, angles("bands"),
    ];
    for (const step of steps) try { await step(); } catch (error) { if (this.view?.take === take) this.notice("later", "Not everything can be shown: " + error.message); }
  }

  tellStale(take) { this.notice("stale", take.meta.stale?.[0] ?? ""); }

  notice(key, words) {
    this.notices.querySelector(`[data-key=${key}]`)?.remove();
    if (words) this.notices.append(element("p", { class: "notice", "data-key": key }, words));
  }

  // The take anew, at the same frame; what it was before stays for comparison (B).
  async reload() {
    const take = await this.load(this.name), old = this.view;
    const frame = old?.clock.frame ?? 0, span = old?.clock.span ?? null, through = old?.scene.through ?? null, place = this.main.querySelector(".player");
    old?.dispose();
    this.view = new View(place, take);
    this.view.onbefore = () => this.compare();
    if (old) this.before = old.take;
    this.after = take;
    this.view.clock.span = span;
    this.view.clock.show(frame);
    if (through !== null) this.view.look(through);
    this.tellStale(take);
    this.edits.show();
  }

  async compare() {
    if (!this.before) { this.notice("compare", "There is nothing to compare with: nothing was solved again yet."); return; }
    const old = this.view.take === this.after, take = old ? this.before : this.after, frame = this.view.clock.frame;
    const through = this.view.scene.through, place = this.main.querySelector(".player");
    await take.fetch(take.partOf(Math.min(frame, take.frames - 1))).catch(() => {});
    this.view.dispose();
    this.view = new View(place, take);
    this.view.onbefore = () => this.compare();
    this.view.clock.show(frame);
    if (through !== null) this.view.look(through);
    this.notice("compare", old ? "This is how it was BEFORE the last change (B: after)." : "This is how it is now, AFTER the last change (B: before).");
    this.edits.show();
  }

  work(side) {
    const button = (words, what) => element("button", { type: "button", onclick: () => this.begin(what, {}) }, words);
    this.buttons = [button("Solve points again", "solve"), button("Body and report", "body"), button("Run everything", "run")];
    this.log = element("ul", { class: "log", "aria-live": "polite", tabindex: 0, "aria-label": "What the work says" });
    this.doing = element("p", { class: "doing" });
    this.problem = element("p", { class: "error", role: "alert" });
    side.append(element("section", {}, element("h2", {}, "Work"), element("div", { class: "row" }, ...this.buttons), this.doing, this.problem, this.log));
    const boxes = FORMATS.map((format) => { const box = element("input", { type: "checkbox", value: format }); box.checked = format === "bvh" || format === "glb"; return box; });
    const write = element("button", { type: "button", onclick: () => this.begin("export", { formats: boxes.filter((box) => box.checked).map((box) => box.value) }) }, "Write files");
    this.buttons.push(write);
    this.files = element("ul", { class: "files" });
    side.append(element("section", {}, element("h2", {}, "Files"), element("div", { class: "row" }, ...boxes.map((box) => element("label", {}, box, box.value))), element("div", { class: "row" }, write), this.files));
    this.listFiles();
  }

  async listFiles() {
    const names = await json(address(this.name, "files")).catch(() => []);
    this.files.replaceChildren(...names.map((name) => element("li", {}, element("a", { href: ROOT + address(this.name, "files/" + encodeURIComponent(name)), download: name }, name))));
  }

  async begin(what, body) {
    this.problem.textContent = "";
    try {
      const { number } = await json(address(this.name, what), body);
      this.mine = { number, what };
      await this.poll();
    } catch (error) { this.problem.textContent = error.message; }
  }

  async poll() {
    const { job, others } = await json(`/api/job/${WINDOW}?take=${encodeURIComponent(this.name ?? "")}`);
    this.state.textContent = others ? `${others} other window${others > 1 ? "s show" : " shows"} this take: changes there are changes here.` : "";
    if (this.rigView?.hear(job)) await this.openRig();
    if (!this.log) return;
    for (const each of this.buttons) each.disabled = Boolean(job?.running);
    this.doing.textContent = job?.running ? job.now || job.about : "";
    if (!job) return;
    const lines = job.lines.map(([kind, words]) => element("li", { class: kind }, words));
    if (this.log.children.length !== lines.length) { this.log.replaceChildren(...lines); this.log.scrollTop = this.log.scrollHeight; }
    if (!job.running && this.mine?.number === job.number) {
      const { what } = this.mine;
      this.mine = null;
      this.problem.textContent = job.error;
      if (!job.error) this.doing.textContent = "done";
      if (what === "export") await this.listFiles();
      else if (!job.error) {
        this.session = await json("/api/session");
        this.notice("nothing", "");
        await this.reload();
      }
      this.onended?.();
    }
  }

  async openRig() {
    this.room("rig");
    this.name = "";
    this.log = null;
    try { this.rigView = new RigView(this.main, await json("/api/rig"), ROOT); } catch (error) { this.say(error.message); }
  }
}

addEventListener("pagehide", () => navigator.sendBeacon(`${ROOT}/api/gone/${WINDOW}`));
const studio = new Studio();
globalThis.studio = studio;
studio.start().catch((error) => studio.say(error.message));
