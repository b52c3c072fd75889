// SPDX-License-Identifier: Apache-2.0
// The hot-swap of one CSU, step by step. Where it stands is what the stack says, not what was clicked here: closed and opened again, it goes on.
import { h, put, pill, stateOf, readingsOf, rows, causes, phaseOf, procedureOf, lastWord, isOver } from "/draw.js";

const tail = (uri) => uri.split("/").pop();
const stateName = (c) => (c.Status && c.Status.State) || "";

const STEPS = [
  { id: "choose", title: "Choose", text: "Which CSU is to be exchanged?" },
  { id: "isolate", title: "Isolate", text: "The stack takes work away from it, closes its water off where it has valves, switches its power off and looks on the hardware whether all that is so." },
  { id: "pull", title: "Pull", text: "It is without power and its attention light is on. Pull it out of its slot." },
  { id: "insert", title: "Insert", text: "The slot is empty. Put the new CSU in until its latch closes." },
  { id: "start", title: "Start", text: "The stack switches it on, tests it, gives it work again, and reads who it is and what is inside." },
  { id: "done", title: "Done", text: "It works again." },
];

// Which step the stack is at, from what it says of the CSU and of its task.
// takenBack: it was asked to give the CSU back, so that work again is the end of it and not what was before the beginning.
export function stepOf(chassis, task, was, takenBack) {
  const state = stateName(chassis), runs = running(chassis, task), works = state === "Enabled" && !runs;
  if (state === "Absent") return "insert";
  if (chassis.ReadyToRemove) return "pull";
  if (["insert", "start"].includes(was) || ["Starting", "InTest"].includes(state)) return works ? "done" : "start";
  return works && (takenBack || was === "pull") ? "choose" : "isolate";
}

const running = (chassis, task) => (task && !isOver(task)) || procedureOf(chassis) === "hot-swap"; // another procedure may have it: the stack says so when asked

export class Wizard {
  constructor(dialog, rf, look, say) {
    Object.assign(this, { dialog, rf, look, say, uri: null, step: "choose", why: "", survey: null, plan: null, tasks: [] });
    dialog.addEventListener("close", () => (this.shownAt = null));
  }

  open(uri) {
    this.uri = uri || null;
    this.why = "";
    const chassis = this.body()?.chassis;
    const begun = chassis && (chassis.ReadyToRemove || stateName(chassis) === "Absent" || running(chassis, this.task()));
    this.step = begun ? stepOf(chassis, this.task(), "isolate", false) : "choose";
    this.dialog.showModal();
    this.draw();
  }

  body() {
    return this.plan && this.uri && this.plan.slots.find((s) => s.chassis["@odata.id"] === this.uri);
  }

  // The newest hot-swap of this CSU.
  task() {
    const mine = this.tasks.filter((t) => /hot-swap/.test(t.Name) && JSON.stringify([t.Payload, t.Name, t.Oem, t.Messages, t.Links]).includes(tail(this.uri)));
    return mine.find((t) => !isOver(t)) || mine.sort((a, b) => (b.StartTime || "").localeCompare(a.StartTime || ""))[0];
  }

  update(survey, plan, tasks) {
    Object.assign(this, { survey, plan, tasks });
    if (!this.dialog.open) return;
    const body = this.body();
    if (body && this.step !== "choose" && this.step !== "done") this.step = stepOf(body.chassis, this.task(), this.step, this.takenBack);
    this.draw();
  }

  async begin() {
    this.why = "";
    this.takenBack = false;
    try {
      await this.rf.patch(this.uri, { ReadyToRemove: true });
      this.step = "isolate";
      await this.look();
    } catch (why) {
      this.why = why.message;
    }
    this.draw();
  }

  async takeBack() {
    this.takenBack = true;
    try {
      await this.rf.patch(this.uri, { ReadyToRemove: false });
      await this.look();
    } catch (why) {
      this.why = why.message;
    }
    this.draw();
  }

  choose() {
    const names = this.plan.slots.filter((s) => stateName(s.chassis) !== "Absent");
    return [h("fieldset", { class: "choices" }, h("legend", null, STEPS[0].text), names.map((s) => {
      const uri = s.chassis["@odata.id"], { kind, word } = stateOf(s.chassis);
      return h("label", { class: "choice" }, h("input", { type: "radio", name: "csu", value: uri, checked: uri === this.uri, "data-key": uri, onchange: () => { this.uri = uri; this.draw(); } }),
        h("span", { class: "name" }, tail(uri)), h("span", { class: "small" }, s.label), pill(kind, word));
    })), h("div", { class: "buttons" }, h("button", { type: "button", class: "go", disabled: !this.uri, "data-key": "isolate", onclick: () => this.begin() }, "Isolate it"), this.closer("Close"))];
  }

  closer(word) {
    return h("button", { type: "button", class: "quiet", "data-key": "close", onclick: () => this.dialog.close() }, word);
  }

  // What the stack says, and what it waits for.
  said(body) {
    const { chassis } = body, task = this.task(), { kind, word } = stateOf(chassis);
    const line = (name, ...what) => h("tr", null, h("th", { scope: "row" }, name), h("td", null, ...what));
    return [h("table", { class: "readings said" }, h("tbody", null, line("State", pill(kind, word)), line("Power", chassis.PowerState || "unknown"),
      line("Ready to remove", chassis.ReadyToRemove ? "yes" : "not yet"), line("Attention light", chassis.LocationIndicatorActive ? "on" : "off"),
      procedureOf(chassis) && line("Procedure", procedureOf(chassis), phaseOf(chassis) && `: ${phaseOf(chassis)}`), task && line("Task", task.Name, " ", h("span", { class: "small" }, task.TaskState)),
      task && lastWord(task) && line("It says", lastWord(task)), causes(chassis).map((c) => line("Because", c)))),
    h("details", { "data-key": "instruments" }, h("summary", null, "What its instruments say"), rows(readingsOf(body)))];
  }

  steps() {
    const at = STEPS.findIndex((s) => s.id === this.step);
    return h("ol", { class: "steps", "data-step": this.step }, STEPS.map((s, i) => h("li", { class: i < at || this.step === "done" ? "past" : i === at ? "now" : "", "aria-current": i === at ? "step" : null }, h("span", null, s.title))));
  }

  draw() {
    if (!this.plan) return;
    const body = this.body(), step = STEPS.find((s) => s.id === this.step), chosen = this.step !== "choose" && body;
    const failed = chosen && this.task() && ["Exception", "Killed"].includes(this.task().TaskState);
    put(this.dialog, h("h2", { id: "wizard-title" }, chosen ? `Hot-swap of ${tail(this.uri)}` : "Hot-swap"), this.steps(),
      this.why && h("p", { class: "why", role: "alert" }, this.why),
      !chosen && this.choose(),
      chosen && h("p", { class: `task-text ${this.step}`, role: "status" }, step.text),
      failed && h("p", { class: "why", role: "alert" }, `It did not work: ${lastWord(this.task())}`),
      chosen && this.said(body),
      chosen && h("div", { class: "buttons" }, ["isolate", "pull"].includes(this.step) && h("button", { type: "button", class: "quiet", "data-key": "back", onclick: () => this.takeBack() }, "Take it back into service"),
        this.step === "done" ? h("button", { type: "button", class: "go", "data-key": "close", onclick: () => this.dialog.close() }, "Done") : this.closer("Close; it goes on")));
  }
}
