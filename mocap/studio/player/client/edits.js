// What a person changes: a list of entries, and a form for the next one, about the marked span.
import { element } from "mocap/view.js";

const FIELDS = ["do", "camera", "keypoints", "person", "side", "name", "frame", "throw", "people"];

export class Edits {
  constructor(studio, side) {
    this.studio = studio;
    this.list = element("ol");
    this.problem = element("p", { class: "error", role: "alert" });
    this.kind = element("select", { onchange: () => this.form() });
    for (const name of Object.keys(studio.session.kinds)) this.kind.append(new Option(name, name));
    this.kind.value = "ignore";
    this.about = element("p", { class: "span" });
    this.fields = element("div");
    side.append(element("section", {}, element("h2", {}, "Changes"), this.list,
      element("label", {}, "Add", this.kind), this.about, this.fields,
      element("div", { class: "row" }, element("button", { type: "button", onclick: () => this.add() }, "Add change")), this.problem));
    this.form();
  }

  form() {
    const { session, view } = this.studio, kind = session.kinds[this.kind.value], take = view?.take;
    this.about.textContent = kind.about + (kind.needs.includes("from_frame") || kind.may.includes("from_frame") ? ": in the marked span" + (kind.needs.includes("from_frame") ? "" : ", else everywhere") : "");
    this.inputs = {};
    const choices = { do: kind.do, camera: take?.cameras.map((each) => each.name) ?? [], keypoints: take?.keypoints ?? [], side: session.sides, name: session.events,
      person: ["everybody", ...(take?.people.map((each) => each.id) ?? [])] };
    const rows = [];
    for (const field of FIELDS) {
      if (field === "do" ? !kind.do.length : ![...kind.needs, ...kind.may].includes(field)) continue;
      let input;
      if (field === "people" || field === "frame" || field === "throw" || (field === "name" && this.kind.value === "identity"))
        input = element("input", { type: "text", placeholder: field === "frame" ? "this frame" : field === "people" ? "0, 1" : "" });
      else {
        input = element("select", field === "keypoints" ? { multiple: true, size: 5 } : {});
        if (field === "keypoints" && !kind.needs.includes(field)) input.append(new Option("all keypoints", "", true, true));
        for (const each of choices[field]) input.append(new Option(String(each).replaceAll("_", " "), each === "everybody" ? "" : each));
      }
      this.inputs[field] = input;
      rows.push(element("label", {}, field, input));
    }
    const through = view?.scene.through;
    if (this.inputs.camera && through !== null && through !== undefined) this.inputs.camera.value = take.cameras[through].name;
    this.fields.replaceChildren(...rows);
  }

  entry() {
    const kind = this.studio.session.kinds[this.kind.value], clock = this.studio.view?.clock, entry = {};
    for (const [field, input] of Object.entries(this.inputs)) {
      const value = input.multiple ? [...input.selectedOptions].map((each) => each.value).filter(Boolean) : input.value;
      if (field === "frame") { if (entry.do !== "remove") entry.frame = value === "" ? clock.frame : Number(value); } else if (value === "" || (Array.isArray(value) && !value.length)) continue;
      else if (field === "people") entry.people = value.split(/[\s,]+/).filter(Boolean).map(Number);
      else entry[field] = ["person", "throw"].includes(field) ? Number(value) : value;
    }
    if ([...kind.needs, ...kind.may].includes("from_frame") && clock?.span) [entry.from_frame, entry.to_frame] = clock.span;
    return entry;
  }

  async send(what, body) {
    this.problem.textContent = "";
    const answer = await fetch(`${document.body.dataset.root}/api/takes/${encodeURIComponent(this.studio.name)}/${what}`, body === undefined ? {} : { method: "POST", body: JSON.stringify(body) });
    const told = await answer.json();
    if (!answer.ok) { this.problem.textContent = told.error; return; }
    this.found = told;
    this.show();
    if (body !== undefined) this.studio.notice("stale", "Changed: solve again to see what it does.");
  }

  load() { return this.send("edits"); }
  add() { return this.send("add", { kind: this.kind.value, entry: this.entry() }); }

  show() {
    this.list.replaceChildren(...(this.found ?? []).map((edit) => element("li", {}, edit.text + " ",
      element("button", { type: "button", class: "small", "aria-label": "Remove change " + edit.number, onclick: () => this.send("remove", { number: edit.number }) }, "Remove"))));
    const { view } = this.studio;
    if (view) { view.timeline.edits = this.found ?? []; view.timeline.draw(); }
    this.form();
  }
}
