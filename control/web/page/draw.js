// SPDX-License-Identifier: Apache-2.0
// What has been read, as elements. Nothing here asks for anything.

// h("div", {class: "x", onclick: f}, "text", child, [more]): an element; text is text, never markup.
export function h(name, attrs, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attrs || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((c) => c !== null && c !== undefined && c !== false && c !== 0));
  return element;
}

// New content in place of the old, when it differs; the focus stays on what has the same data-key, and what was unfolded stays so.
const drawn = new WeakMap();
export function put(container, ...children) {
  const fresh = h("div", null, ...children), text = fresh.innerHTML;
  if (text === drawn.get(container)) return;
  drawn.set(container, text);
  const unfolded = [...container.querySelectorAll("details[open]")].map((d) => d.dataset.key);
  for (const d of fresh.querySelectorAll("details")) d.open = unfolded.includes(d.dataset.key);
  const key = container.contains(document.activeElement) && document.activeElement.dataset.key;
  container.replaceChildren(...fresh.childNodes);
  if (key) {
    const again = [...container.querySelectorAll("[data-key]")].find((e) => e.dataset.key === key);
    if (again) again.focus({ preventScroll: true });
  }
}

// States: a word and a class; the class has a sign of its own beside its colour (page.css).
const STATES = {
  Absent: ["off", "absent"], StandbyOffline: ["off", "off"], Disabled: ["off", "out of service"], StandbySpare: ["ok", "spare"], Enabled: ["ok", "works"],
  Starting: ["busy", "starting"], InTest: ["busy", "in test"], Quiesced: ["busy", "quiesced"], Updating: ["busy", "updating"], Qualified: ["ok", "qualified"],
  UnavailableOffline: ["bad", "cannot be read"], Degraded: ["warn", "degraded"], Deferring: ["busy", "deferring"],
};
export function stateOf(thing) {
  const status = (thing && thing.Status) || {};
  const [kind, word] = STATES[status.State] || ["off", status.State || "unknown"];
  if (kind === "off") return { kind, word };
  if (status.Health === "Critical") return { kind: "bad", word: kind === "ok" ? "failed" : word };
  if (status.Health === "Warning") return { kind: kind === "bad" ? "bad" : "warn", word: kind === "ok" ? "look at it" : word };
  return { kind, word };
}

// Why a thing is as it is, where that is not as it should be: the stack's own sentence, else the conditions that it gives.
export function causes(thing) {
  const own = oem(thing || {}).Reason, conditions = ((thing && thing.Status) || {}).Conditions || [];
  return own ? [own] : conditions.map((c) => c.Resolution || c.Message || c.MessageId).filter(Boolean);
}

export function pill(kind, word) {
  return h("span", { class: `pill ${kind}` }, word);
}

// Names of Redfish properties and their units, taken apart: FlowLitersPerMinute -> Flow, L/min.
const SUFFIXES = [["LitersPerMinute", "L/min"], ["Celsius", "°C"], ["kPa", "kPa"], ["Watts", "W"], ["kW", "kW"], ["Percent", "%"], ["Amps", "A"], ["kWh", "kWh"], ["Hz", "Hz"],
  ["Voltage", "V"]];
const UCUM = { Cel: "°C", "L/min": "L/min", kPa: "kPa", W: "W", V: "V", A: "A", "%": "%", "{rev}/min": "rpm", RPM: "rpm", "kW.h": "kWh", Hz: "Hz", s: "s" };

export function spaced(name) {
  const words = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").split(" ");
  return words.map((w, i) => (i && !/^[A-Z]{2}/.test(w) ? w.toLowerCase() : w)).join(" ");
}

function nameAndUnit(property) {
  for (const [suffix, unit] of SUFFIXES)
    if (property.endsWith(suffix)) return [spaced(suffix === "Voltage" ? property : property.slice(0, -suffix.length) || property), unit];
  return [spaced(property), ""];
}

// A reading: {name, value (null: invalid), unit, why, uri}
function reading(name, value, unit, uri, why) {
  return { name, value: typeof value === "number" ? value : null, unit, uri, why: typeof value === "number" ? "" : why || "the stack has no valid reading" };
}

export function ofSensor(s) {
  const why = causes(s)[0] || (s.Status && s.Status.State !== "Enabled" ? (s.Status.State === "UnavailableOffline" ? "the stack cannot read it" : `what it measures is ${(STATES[s.Status.State] || ["", s.Status.State])[1]}`) : "");
  const owner = s["@odata.id"].split("/").slice(-3)[0], name = (s.Name || s.Id).replace(new RegExp(`^${owner} `), ""); // "csu-1 vin": the slot says whose
  return { ...reading(name, s.Reading, UCUM[s.ReadingUnits] || s.ReadingUnits || "", s["@odata.id"], why), type: s.ReadingType, about: s.Description };
}

// All readings that stand inside a resource as excerpts; sensors, by URI, say why one is missing.
export function excerpts(thing, sensors) {
  const found = [];
  for (const [property, value] of Object.entries(thing || {})) {
    if (!value || typeof value !== "object" || property.startsWith("@") || /Control/.test(property)) continue;
    if (!("Reading" in value) && !("DataSourceUri" in value)) continue;
    const [name, unit] = nameAndUnit(property);
    const source = value.DataSourceUri && sensors && sensors.get(value.DataSourceUri);
    found.push({ ...reading(name, value.Reading, unit, value.DataSourceUri, source && ofSensor(source).why), property });
  }
  return found;
}

export function shown(r) {
  if (r.value === null) return "no reading";
  const size = Math.abs(r.value);
  const digits = r.unit === "%" || r.unit === "rpm" || size >= 100 ? 0 : 1;
  return `${r.value.toFixed(digits)}\u00a0${r.unit}`;
}

export function value(r) {
  return r.value === null ? h("span", { class: "invalid", title: r.why }, "no reading") : h("span", { class: "number" }, shown(r));
}

export function rows(readings) {
  if (!readings.length) return h("p", { class: "small" }, "It tells no readings.");
  return h("table", { class: "readings" }, h("tbody", null, readings.map((r) => h("tr", null, h("th", { scope: "row" }, r.name.replaceAll("-", " "), r.about && h("span", { class: "small" }, " ", r.about)),
    h("td", null, value(r), r.value === null && h("span", { class: "cause" }, r.why))))));
}

// The elevation.
const tail = (thing) => thing.Id || thing["@odata.id"].split("/").pop();
const byOrdinal = (a, b) => (a.ordinal - b.ordinal) || tail(a.chassis).localeCompare(tail(b.chassis), undefined, { numeric: true });

function place(body) {
  const part = (body.chassis.Location && body.chassis.Location.PartLocation) || {};
  return { ...body, ordinal: part.LocationOrdinalValue ?? 0, label: part.ServiceLabel || body.chassis.Name || tail(body.chassis) };
}

// {rack, modules: [{..., slots}], loose: [slots not in a module], others}
export function arrange(survey) {
  const bodies = survey.chassis.map(place);
  const byUri = new Map(bodies.map((b) => [b.chassis["@odata.id"], b]));
  const parentOf = (b) => b.chassis.Links && b.chassis.Links.ContainedBy && byUri.get(b.chassis.Links.ContainedBy["@odata.id"]);
  const rack = bodies.find((b) => b.chassis.ChassisType === "Rack") || bodies.find((b) => !parentOf(b)) || bodies[0];
  const slots = bodies.filter((b) => isSlot(b.chassis));
  const modules = bodies.filter((b) => b !== rack && !slots.includes(b) && slots.some((s) => parentOf(s) === b)).sort(byOrdinal);
  for (const m of modules) m.slots = slots.filter((s) => parentOf(s) === m).sort(byOrdinal);
  const loose = slots.filter((s) => !modules.includes(parentOf(s))).sort(byOrdinal);
  const others = bodies.filter((b) => b !== rack && !slots.includes(b) && !modules.includes(b));
  return { rack, modules, loose, others, slots: [...modules.flatMap((m) => m.slots), ...loose] };
}

export function isSlot(chassis) {
  return /^(Sled|Blade)$/.test(chassis.ChassisType || "") || "ReadyToRemove" in chassis && chassis.HotPluggable === true;
}

// The hottest of them; one that has no reading before all that have: what is not known may be hotter.
export function hottest(readings) {
  const all = readings.filter((r) => r.type === "Temperature" || r.unit === "°C");
  return all.find((r) => r.value === null) || all.reduce((a, b) => (a && a.value >= b.value ? a : b), undefined);
}

export function readingsOf(body) {
  return body.sensors.map(ofSensor);
}

const powerOf = (readings) => readings.find((r) => (r.type === "Power" || r.unit === "W") && r.value !== null) || readings.find((r) => r.type === "Power" || r.unit === "W");

function oem(thing) {
  return (thing.Oem && thing.Oem.Plumbline) || {};
}
export const phaseOf = (chassis) => oem(chassis).Phase || "";
export const procedureOf = (chassis) => oem(chassis).Procedure || "";

const isDark = (chassis) => ["Absent", "StandbyOffline", "Disabled"].includes(chassis.Status && chassis.Status.State);

function slot(body, open) {
  const { chassis } = body, { kind, word } = stateOf(chassis), readings = readingsOf(body), dark = isDark(chassis);
  const hot = hottest(readings), power = powerOf(readings), phase = phaseOf(chassis);
  return h("button", { type: "button", class: `slot ${kind}`, "data-key": chassis["@odata.id"], "data-id": tail(chassis), onclick: () => open(chassis["@odata.id"]) },
    h("span", { class: "name" }, tail(chassis), chassis.LocationIndicatorActive && h("span", { class: "led", title: "its attention light is on" })),
    pill(kind, word),
    !dark && hot && h("span", { class: "line" }, value(hot)), !dark && power && h("span", { class: "line" }, value(power)),
    chassis.ReadyToRemove && h("span", { class: "line strong" }, "ready to remove"),
    procedureOf(chassis) && h("span", { class: "line phase" }, procedureOf(chassis), phase && `: ${phase}`));
}

function box(thing, readings, more, what) {
  const { kind, word } = stateOf(thing);
  const name = /^\d+$/.test(tail(thing)) ? (thing.Name || tail(thing)).replace(/^pump /, "") : tail(thing);
  return h("div", { class: `box ${kind}`, "data-id": tail(thing) }, h("span", { class: "name" }, name), what && h("span", { class: "small" }, what), pill(kind, word),
    readings.map((r) => h("span", { class: "line" }, h("span", { class: "small" }, r.name), " ", value(r))), more,
    kind !== "ok" && causes(thing).slice(0, 1).map((c) => h("span", { class: "cause" }, c)));
}

const row = (label, className, ...children) => h("section", { class: `row ${className}`, "aria-label": label }, h("h3", null, label), h("div", { class: "cells" }, ...children));

function supplies(body) {
  return body.supplies.map((s) => box(s, excerpts(s.metrics, body.byUri).filter((r) => /OutputPower|^Temperature/.test(r.property))));
}

function valve(connector, byUri) {
  const readings = excerpts(connector, byUri).filter((r) => /Valve|Flow|SupplyTemp|ReturnTemp/.test(r.property));
  return box(connector, readings, null, "connector");
}

export function detectorChip(detector, open) {
  const { kind, word } = detectorState(detector);
  return h("button", { type: "button", class: `chip ${kind}`, "data-key": detector["@odata.id"], "data-id": tail(detector), onclick: () => open(detector["@odata.id"]) },
    h("span", { class: "name" }, tail(detector)), pill(kind, word));
}

export function detectorState(detector) {
  const said = detector.DetectorState || (detector.Status && detector.Status.Health);
  return { OK: { kind: "ok", word: "dry" }, Warning: { kind: "warn", word: "damp" }, Critical: { kind: "bad", word: "wet" }, Unavailable: { kind: "bad", word: "cannot tell" },
    Absent: { kind: "off", word: "absent" } }[said] || { kind: "off", word: said || "unknown" };
}

function cooling(unit) {
  const short = (thing, pattern) => excerpts(thing, unit.byUri).filter((r) => pattern.test(r.property));
  return [box(unit.unit, [], null, unit.kind.slice(0, -1)),
    unit.pumps.map((p) => box(p, short(p, /Speed/), null, "pump")), unit.reservoirs.map((r) => box(r, short(r, /Level/), null, "reservoir")),
    unit.filters.map((f) => box(f, short(f, /Delta/), null, "filter"))];
}

export function elevation(survey, plan, open) {
  const detectors = (body) => body.detectors.length && h("div", { class: "tray", "aria-label": "leak detectors" }, body.detectors.map((d) => detectorChip(d, open.detector)));
  const slots = (label, list, body) => h("section", { class: "row module", "aria-label": label }, h("h3", null, label, body && pill(stateOf(body.chassis).kind, stateOf(body.chassis).word)),
    h("div", { class: "slots" }, list.map((s) => slot(s, open.slot))), body && body.connectors.length ? h("div", { class: "cells valves" }, body.connectors.map((c) => valve(c, survey.byUri))) : null,
    body && detectors(body));
  const everyBody = [plan.rack, ...plan.others].filter(Boolean);
  const shelf = everyBody.flatMap(supplies);
  return [
    shelf.length && row("Power", "power", shelf),
    plan.modules.map((m) => slots(m.label, m.slots, m)),
    plan.loose.length && slots(plan.modules.length ? "Other CSUs" : "CSUs", plan.loose, null),
    survey.units.map((u) => row(u.unit.Name || tail(u.unit), "water", cooling(u), u.connectors.map((c) => valve(c, survey.byUri)))),
    survey.loops.map((l) => l.connectors.length && row(l.Name || tail(l), "water", l.connectors.map((c) => valve(c, survey.byUri)))),
    survey.units.map((u) => detectors(u)),
    everyBody.map((b) => b.connectors.length && row("Valves", "water", b.connectors.map((c) => valve(c, survey.byUri)))),
    everyBody.map((b) => detectors(b)),
  ];
}

export function detectorTable(list, open) {
  return h("table", { class: "readings" }, h("tbody", null, list.map((d) => h("tr", null, h("th", { scope: "row" },
    h("button", { type: "button", class: "plain", "data-key": `row ${d["@odata.id"]}`, onclick: () => open(d["@odata.id"]) }, tail(d))),
  h("td", null, pill(detectorState(d).kind, detectorState(d).word)), h("td", { class: "small" }, reactionText(d))))));
}

export function reactionText(d) {
  const word = { None: "only told", ForceOff: "power off", GracefulShutdown: "shut down" }[d.CriticalReactionType] || "only told";
  return d.Enabled === false ? "not enabled" : word === "only told" ? word : `${word} after ${d.ReactionDelaySeconds ?? 0} s`;
}

// The tiles: the rack in a few numbers.
function tile(label, kind, big, small) {
  return h("div", { class: `tile ${kind}` }, h("span", { class: "small" }, label), h("span", { class: "big" }, big), small && h("span", { class: "small" }, small));
}

function firstOf(survey, pattern) {
  const all = [...survey.loops.flatMap((l) => [l, ...l.connectors]), ...survey.units.flatMap((u) => [u.unit, u.metrics, ...u.connectors]), ...survey.chassis.flatMap((b) => [b.thermalMetrics, ...b.connectors])];
  const found = all.flatMap((t) => excerpts(t, survey.byUri)).filter((r) => pattern.test(r.property));
  return found.find((r) => r.value !== null) || found[0];
}

function reading2(label, r, small) {
  return r && tile(label, r.value === null ? "bad" : "", value(r), r.value === null ? r.why : small);
}

const healthKind = (health) => ({ OK: "ok", Warning: "warn", Critical: "bad" })[health] || "off";

const REDUNDANT = { NPlusM: "N+M", Failover: "failover", Sharing: "sharing", Sparing: "sparing", NotRedundant: "not redundant" };
function redundancy(label, list, set) {
  const works = set.filter((s) => ["ok", "warn"].includes(stateOf(s).kind)).length;
  const r = list && list[0], said = (r && r.Status && r.Status.Health) || "OK", health = said === "OK" && works < set.length ? "Warning" : said;
  return set.length && tile(label, healthKind(health), `${works} of ${set.length}`, r ? `${REDUNDANT[r.RedundancyType] || r.RedundancyType || "redundant"}, ${r.MinNeededInGroup ?? r.MinNumNeeded ?? "?"} needed` : "work");
}

export function tiles(survey, plan) {
  const rack = plan.rack, status = rack.chassis.Status || {}, on = plan.slots.filter((s) => !isDark(s.chassis));
  const worst = on.map((s) => ({ at: tail(s.chassis), r: hottest(readingsOf(s)) })).filter((x) => x.r).sort((a, b) => (b.r.value ?? Infinity) - (a.r.value ?? Infinity));
  const hot = worst[0];
  const power = excerpts(rack.metrics, survey.byUri).find((r) => r.property === "PowerWatts") || sum("Power", survey.chassis.flatMap((b) => b.supplies).map((s) =>
    excerpts(s.metrics, survey.byUri).find((r) => r.property === "OutputPowerWatts")).filter(Boolean));
  const unit = survey.units[0], supply = firstOf(survey, /^SupplyTemperature/), back = firstOf(survey, /^ReturnTemperature/);
  const health = status.HealthRollup || status.Health;
  return [
    tile("Rack", healthKind(health), { OK: "well", Warning: "look at it", Critical: "in trouble" }[health] || "unknown", causes(rack.chassis)[0] || `${plan.slots.filter((s) => stateOf(s.chassis).kind === "ok").length} of ${plan.slots.length} CSUs work`),
    reading2("Power", power, "into the rack's CSUs"),
    hot && tile("Hottest", hot.r.value === null ? "bad" : "", value(hot.r), `${hot.at}, ${hot.r.name.replaceAll("-", " ")}`),
    reading2("Coolant flow", firstOf(survey, /^Flow/), "through the rack"),
    supply && tile("Coolant", supply.value === null ? "bad" : "", [value(supply), back && h("span", { class: "soft" }, " → "), back && value(back)], supply.value === null ? supply.why : "supply → return"),
    redundancy("Supplies", rack.power && rack.power.PowerSupplyRedundancy, survey.chassis.flatMap((b) => b.supplies)),
    unit && redundancy("Pumps", unit.unit.PumpRedundancy, unit.pumps),
  ];
}

function sum(name, list) {
  if (!list.length) return undefined;
  const bad = list.find((r) => r.value === null);
  return bad ? { ...bad, name } : { name, unit: list[0].unit, value: list.reduce((n, r) => n + r.value, 0), why: "" };
}

// Lists beside the elevation.
const clock = (text) => (text ? new Date(text).toLocaleTimeString([], { hour12: false }) : "");
const SEVERITY = { OK: "ok", Warning: "warn", Critical: "bad" };

export function eventLine(event) {
  const origin = event.OriginOfCondition && event.OriginOfCondition["@odata.id"];
  return h("li", { class: SEVERITY[event.MessageSeverity || event.Severity] || "off" }, h("time", { datetime: event.EventTimestamp }, clock(event.EventTimestamp)),
    h("span", { class: "said" }, event.Message || event.MessageId), origin && h("span", { class: "small" }, origin.split("/").pop()));
}

const TASK = { New: "busy", Starting: "busy", Running: "busy", Pending: "busy", Suspended: "warn", Interrupted: "warn", Stopping: "warn", Cancelling: "warn", Completed: "ok",
  Cancelled: "off", Killed: "bad", Exception: "bad", Service: "busy" };
export const isOver = (task) => ["Completed", "Cancelled", "Killed", "Exception"].includes(task.TaskState);

export function lastWord(task) {
  const last = (task.Messages || []).slice(-1)[0];
  return last ? (last.Message || last.MessageId).replace(/%(\d)/g, (all, n) => (last.MessageArgs || [])[n - 1] ?? all) : "";
}

export function taskBox(task, cancel) {
  const share = task.PercentComplete ?? (isOver(task) ? 100 : null);
  return h("div", { class: `task ${TASK[task.TaskState] || "off"}` }, h("div", { class: "head" }, h("span", { class: "name" }, task.Name), pill(TASK[task.TaskState] || "off", spaced(task.TaskState || "unknown").toLowerCase())),
    !isOver(task) && share !== null && h("progress", { max: 100, value: share, "aria-label": "done" }), lastWord(task) && h("span", { class: "small" }, lastWord(task)),
    h("span", { class: "small" }, clock(task.StartTime), task.EndTime && isOver(task) ? ` to ${clock(task.EndTime)}` : ""),
    !isOver(task) && h("button", { type: "button", class: "quiet", "data-key": `cancel ${task.Id}`, onclick: () => cancel(task) }, "Cancel and roll back"));
}
