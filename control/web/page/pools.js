// SPDX-License-Identifier: Apache-2.0
// The allocation engine: what each node has given away, what is used of it and expected, the workloads, their moves, and a trial of a placement.
import { h, put, pill, taskBox, isOver } from "/draw.js";

const own = (thing) => (thing.Oem && thing.Oem.Plumbline) || {};
export const workloadOf = (system) => own(system).Workload || {};
const tail = (uri) => uri.split("/").pop();
const number = (n, digits = 1) => (typeof n === "number" ? Number(n.toFixed(digits)).toLocaleString() : "–");

const NODE = { Up: ["ok", "takes work"], Asleep: ["off", "asleep"], Closed: ["warn", "closed"], Gone: ["off", "gone"] };
const WORKLOAD = { Running: ["ok", "runs"], Starting: ["busy", "starting"], Moving: ["busy", "moving"], Stopping: ["busy", "stopping"], Queued: ["warn", "waits for room"],
  Reserved: ["off", "reserved"], Lost: ["bad", "lost"] };
const said = (table, word) => table[word] || ["off", word || "unknown"];

function svg(name, attrs, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attrs)) element.setAttribute(key, value);
  element.append(...children.filter(Boolean));
  return element;
}

// A bar of 100: given, in it what is used, and where the forecast's band lies.
function bar(label, has, given, used, forecast) {
  const at = (n) => (has > 0 ? Math.max(0, Math.min(100, (100 * n) / has)) : 0);
  const part = (name, from, to, y, height) => svg("rect", { class: name, x: at(from), width: Math.max(at(to) - at(from), 0), y, height });
  const band = forecast && [part("band", forecast.Low, Math.max(forecast.High, forecast.Low + has / 100), 0, 10), part("expected", forecast.Value - has / 300, forecast.Value + has / 300, 0, 10)];
  const text = `${label}: ${number(given)} of ${number(has)} given, ${number(used)} used` + (forecast ? `, ${number(forecast.Value)} expected (${number(forecast.Low)} to ${number(forecast.High)})` : "");
  return h("div", { class: "bar", title: text }, svg("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", role: "img", "aria-label": text },
    svg("rect", { class: "has", x: 0, width: 100, y: 2, height: 6 }), part("given", 0, given, 2, 6), part("used", 0, used, 3.5, 3), ...(band || [])));
}

function node(block) {
  const { State, Capacity = {}, Given = {}, Used = {}, Forecast, Heat } = own(block), [kind, word] = said(NODE, State), GiB = (n) => (n || 0) / 1024;
  return h("tr", { "data-id": block.Id }, h("th", { scope: "row" }, block.Id, " ", pill(kind, word)),
    h("td", null, bar("Cores", Capacity.Cores, Given.Cores, Used.Cores, Forecast), h("span", { class: "small number" }, `${number(Given.Cores)} of ${number(Capacity.Cores, 0)}`)),
    h("td", null, bar("Memory in GiB", GiB(Capacity.MemoryMiB), GiB(Given.MemoryMiB), GiB(Used.MemoryMiB)), h("span", { class: "small number" }, `${number(GiB(Given.MemoryMiB))} of ${number(GiB(Capacity.MemoryMiB), 0)}`)),
    h("td", { class: "number" }, String(block.CompositionStatus.NumberOfCompositions ?? 0)),
    h("td", { class: "number" }, typeof Heat === "number" ? `${Math.round(100 * Heat)} %` : "–"));
}

const header = (...names) => h("thead", null, h("tr", null, names.map((n) => h("th", { scope: "col" }, n))));

function nodes(blocks) {
  return [h("table", { class: "grid nodes" }, header("Node", "Cores", "Memory, GiB", "Workloads", "Heat"), h("tbody", null, blocks.map(node))),
    h("ul", { class: "legend bars", "aria-hidden": "true" }, ["given", "used", "expected", "its band"].map((word) => h("li", { class: word.replace("its ", "") }, word)))];
}

const byRank = (a, b) => (workloadOf(b).Priority || 0) - (workloadOf(a).Priority || 0) || a.Id.localeCompare(b.Id, undefined, { numeric: true });

function workloads(systems, open) {
  if (!systems.length) return h("p", { class: "small" }, "None.");
  return h("table", { class: "grid" }, header("Workload", "State", "Node", "Cores", "Priority"), h("tbody", null, [...systems].sort(byRank).map((s) => {
    const w = workloadOf(s), [kind, word] = said(WORKLOAD, w.State);
    return h("tr", { "data-id": s.Id }, h("th", { scope: "row" }, h("button", { type: "button", class: "plain", "data-key": s["@odata.id"], onclick: () => open(s["@odata.id"]) }, s.Id)),
      h("td", null, pill(kind, word)), h("td", null, w.Target ? `${w.Node} → ${w.Target}` : w.Node || "–"),
      h("td", { class: "number" }, number(w.Demand?.Cores)), h("td", { class: "number" }, String(w.Priority ?? 0)));
  })));
}

// A table of scores as the engine wrote it: columns stay under each other.
const lines = (list) => h("pre", { class: "lines", tabindex: 0, "aria-label": "Explanation" }, list.join("\n"));

const chosen = new Map(); // where to, of each workload: drawn anew it is still chosen

// One workload in full: rows for a table, and what may be done to it.
export function workloadDetails(system, blocks, act, rf) {
  const w = workloadOf(system), [kind, word] = said(WORKLOAD, w.State), line = (k, v) => v !== null && v !== undefined && h("tr", null, h("th", { scope: "row" }, k), h("td", null, v));
  const migrate = system.Actions?.Oem?.["#PlumblineComputerSystem.Migrate"], others = blocks.filter((b) => own(b).State === "Up" && b.Id !== w.Node);
  const to = h("select", { "aria-label": "Move to", "data-key": "to", onchange: (event) => chosen.set(system.Id, event.target.value) },
    h("option", { value: "" }, "wherever it fits best"), others.map((b) => h("option", { value: b["@odata.id"], selected: chosen.get(system.Id) === b["@odata.id"] }, b.Id)));
  const f = w.Forecast;
  return [h("div", { class: "head" }, h("h2", { id: "details-title" }, system.Id), pill(kind, word)), w.Why && h("p", null, w.Why),
    h("table", { class: "readings" }, h("tbody", null, line("Node", w.Target ? `${w.Node} → ${w.Target}` : w.Node), line("Application", w.Application), line("Priority", String(w.Priority ?? 0)),
      line("Runs", w.Image), line("Asked for", [`${number(w.Demand?.Cores)} cores`, w.Demand?.MemoryMiB && `, ${number(w.Demand.MemoryMiB, 0)} MiB of memory`]),
      w.Used && line("Uses", `${number(w.Used.CoresUsed, 2)} cores, ${number(w.Used.MemoryMiBUsed, 0)} MiB`), f && line("Expected", `${number(f.Value, 2)} cores (${number(f.Low, 2)} to ${number(f.High, 2)})`),
      line("Moves", w.Moves ? `${w.Moves}, interrupted for ${number(w.InterruptionSeconds, 2)} s by the last` : "none"))),
    (w.Explanation || []).length > 1 && h("details", { "data-key": "why" }, h("summary", null, "Why here, why not there"), lines(w.Explanation)),
    h("div", { class: "buttons" }, w.State === "Running" && migrate && [to, h("button", { type: "button", class: "quiet", "data-key": "move",
      onclick: (event) => { const block = event.target.parentElement.querySelector("select").value; act(() => rf.post(migrate.target, block ? { ResourceBlock: { "@odata.id": block } } : {})); } }, "Move")],
    h("button", { type: "button", class: "quiet", "data-key": "stop", onclick: () => act(() => rf.ask("DELETE", system["@odata.id"])) }, "Stop it"))];
}

// What has been read of the engine, of a stack that has one.
export async function poolsOf(rf, root) {
  const at = root.CompositionService && root.CompositionService["@odata.id"];
  if (!at) return null;
  const service = await rf.steady(at);
  const [blocks, systems] = await Promise.all([rf.members(service.ResourceBlocks["@odata.id"]), rf.members(root.Systems["@odata.id"], "&$filter=SystemType eq 'Composed'")]);
  return { service, blocks: blocks.filter((b) => own(b).Capacity), systems: systems.filter((s) => own(s).Workload) };
}

export class Pools {
  constructor(pane, rf, open, cancel) {
    Object.assign(this, { pane, rf, open, cancel, service: null, part: (name) => pane.querySelector(`#${name}`) });
    this.part("trial").addEventListener("submit", (event) => {
      event.preventDefault();
      this.try(event.target);
    });
  }

  update(pools, tasks) {
    this.pane.hidden = !pools || !pools.blocks.length;
    if (this.pane.hidden) return;
    this.service = pools.service;
    const moves = tasks.filter((t) => own(t).Procedure === "migrate");
    put(this.part("nodes"), nodes(pools.blocks));
    put(this.part("workloads"), workloads(pools.systems, this.open));
    put(this.part("moves"), moves.length ? [...moves.filter((t) => !isOver(t)), ...moves.filter(isOver)].slice(0, 4).map((t) => taskBox(t, this.cancel)) : h("p", { class: "small" }, "None."));
  }

  // Asked of the engine, which changes nothing for it.
  async try(form) {
    const asked = { Cores: Number(form.cores.value), MemoryMiB: Number(form.memory.value), Priority: Number(form.priority.value), Replicas: Number(form.replicas.value), Redundancy: form.redundancy.value, Spread: "Module" };
    const stanza = { StanzaType: "ComposeSystem", StanzaId: "trial", Request: { Id: `trial-${Date.now().toString(36)}x`, Oem: { Plumbline: asked } } };
    const found = this.part("trial-found");
    try {
      const answer = await this.rf.post(this.service.Actions["#CompositionService.Compose"].target, { RequestFormat: "Manifest", RequestType: "Preview", Manifest: { Stanzas: [stanza] } });
      const { Placements = [], Displaces = [] } = own(answer.body.Manifest.Stanzas[0].Response);
      put(found, Placements.map((p, i) => h("div", { class: "placed" }, h("p", null, pill("ok", `would go to ${p.Node}`), h("span", { class: "small" }, ` score ${number(p.Score, 3)}${p.Wakes ? "; it must be woken first" : ""}`)),
        h("details", { "data-key": `why ${i}` }, h("summary", null, "Why here, why not there"), lines(p.Explanation)))),
      Displaces.length > 0 && h("p", { class: "why" }, `It would displace ${Displaces.map(tail).join(", ")}.`));
    } catch (why) {
      put(found, h("p", { class: "why", role: "alert" }, why.message));
    }
  }
}
