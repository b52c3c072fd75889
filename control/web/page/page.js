// SPDX-License-Identifier: Apache-2.0
// The page: who is logged in, what is looked at how often, and which part shows it.
import { Redfish, survey as look, tasksOf, eventsOf, logOf } from "/redfish.js";
import { h, put, pill, arrange, elevation, tiles, taskBox, eventLine, detectorState, detectorTable, stateOf, causes, rows, readingsOf, isOver, excerpts } from "/draw.js";
import { Pools, poolsOf, workloadDetails } from "/pools.js";
import { Wizard } from "/wizard.js";

const EVERY_MS = 2000, SOON_MS = 150, EVENTS_SHOWN = 100;
const $ = (id) => document.getElementById(id);
const tail = (thing) => thing["@odata.id"].split("/").pop();
const rf = new Redfish();
const now = { survey: null, plan: null, pools: null, tasks: [], events: [], log: [], logStale: true, open: null, looking: false, again: false, timer: 0, failed: "" };
const wizard = new Wizard($("wizard"), rf, refresh, (text) => { now.failed = text; });

const pools = new Pools($("pools"), rf, (uri) => openSlot(uri), (task) => cancel(task));

// Dark and light: the machine's wish, unless somebody chose.
function theme(next) {
  if (next) localStorage.setItem("theme", next);
  const chosen = localStorage.getItem("theme"), dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  if (chosen) document.documentElement.dataset.theme = chosen;
  $("theme").textContent = dark ? "Light" : "Dark";
  $("theme").onclick = () => theme(dark ? "light" : "dark");
}

function show(loggedIn) {
  $("login").hidden = loggedIn;
  $("rack").hidden = !loggedIn;
  $("logout").hidden = !loggedIn;
  $("who").hidden = !loggedIn;
  $("who").textContent = rf.user || "";
  if (!loggedIn) {
    clearTimeout(now.timer);
    for (const d of document.querySelectorAll("dialog[open]")) d.close();
    $("link").textContent = "";
    $("login").user.focus();
  }
}

$("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  $("login-why").textContent = "";
  try {
    await rf.login(form.user.value, form.password.value);
    form.password.value = "";
    await begin();
  } catch (why) {
    $("login-why").textContent = why.status === 401 ? "User or password is wrong, or the account is locked for a while." : why.message;
    form.password.select();
  }
});

$("logout").addEventListener("click", async () => {
  await rf.logout().catch(() => {});
  location.reload(); // nothing of this session stays in the page
});
rf.ended = () => {
  show(false);
  $("login-why").textContent = "The session has ended. Log in again.";
};

// Looking: once at a time; an event asks for one soon.
async function refresh() {
  if (now.looking) {
    now.again = true;
    return;
  }
  now.looking = true;
  clearTimeout(now.timer);
  try {
    const survey = await look(rf);
    now.tasks = (await tasksOf(rf, survey.root)).sort((a, b) => (b.StartTime || "").localeCompare(a.StartTime || "") || Number(b.Id) - Number(a.Id));
    if (now.logStale) {
      now.logStale = false; // before the asking: an event that comes meanwhile makes it stale again
      now.log = await logOf(rf, survey.root).catch((why) => { now.logStale = true; throw why; });
    }
    now.pools = await poolsOf(rf, survey.root);
    now.survey = survey;
    now.plan = arrange(survey);
    now.failed = "";
    draw();
  } catch (why) {
    now.failed = why.message;
    if (rf.session) drawAlarms();
  }
  now.looking = false;
  if (rf.session) soon(now.again ? SOON_MS : document.hidden ? 10 * EVERY_MS : EVERY_MS);
  now.again = false;
}

function soon(ms) {
  clearTimeout(now.timer);
  now.timer = setTimeout(refresh, ms);
}

function heard(event) {
  now.events.push(...(event.Events || []));
  now.events = now.events.slice(-EVENTS_SHOWN);
  now.logStale = true;
  drawEvents();
  soon(SOON_MS);
}

function link(on) {
  $("link").className = `link ${on ? "ok" : "bad"}`;
  $("link").textContent = on ? "live" : "no live events";
}

// Drawing.
const all = (survey) => [...survey.chassis, ...survey.units];
const detectors = () => all(now.survey).flatMap((b) => b.detectors);

// An alarm stays until somebody has acknowledged it, also when the detector is dry again: the log's entry says whether.
const isLeak = (e) => /LeakDetected(Critical|Warning)$|LeakDetector(Failure|Disconnected)$/.test(e.MessageId || "");
const originOf = (e) => (e.Links && e.Links.OriginOfCondition && e.Links.OriginOfCondition["@odata.id"]) || "";
const entriesOf = (detector) => now.log.filter((e) => isLeak(e) && originOf(e) === detector["@odata.id"]);
const openEntries = (detector) => entriesOf(detector).filter((e) => e.Resolved === false);

async function acknowledge(detector) {
  try {
    for (const entry of openEntries(detector)) await rf.patch(entry["@odata.id"], { Resolved: true });
    now.logStale = true;
    await refresh();
  } catch (why) {
    now.failed = why.message;
    drawAlarms();
  }
}

function leakAlarm(detector) {
  const { kind, word } = detectorState(detector), entries = openEntries(detector), where = detector.Location?.PartLocation?.ServiceLabel || detector.Name || detector.Id;
  if ((kind === "ok" || kind === "off") && !entries.length) return null;
  const reaction = kind === "bad" && word === "wet" ? detector.CriticalReactionType : kind === "warn" ? detector.WarningReactionType : null;
  const text = { wet: `Coolant at ${where}.`, damp: `Damp at ${where}.`, "cannot tell": `The leak detector at ${where} cannot tell whether it is dry.` }[word] || `There was a leak at ${where}; it is dry again.`;
  return h("div", { class: `banner ${kind === "ok" ? "warn" : kind}`, "data-id": detector.Id }, h("strong", null, text), " ",
    reaction && h("span", null, reaction === "None" ? "The stack only tells of it." : `Reaction: ${reaction === "ForceOff" ? "power off" : "shut down in order"} after ${detector.ReactionDelaySeconds ?? 0} s. `),
    causes(detector).slice(0, 1).map((c) => h("span", null, c, " ")),
    entries.length > 0 && h("button", { type: "button", class: "quiet", "data-key": `ack ${detector.Id}`, onclick: () => acknowledge(detector) }, "Acknowledge"),
    !entries.length && entriesOf(detector).some((e) => e.Resolved === true) && h("span", { class: "small" }, "acknowledged"));
}

function drawAlarms() {
  const ill = now.plan ? [...now.plan.slots.map((s) => s.chassis), ...all(now.survey).flatMap((b) => [...(b.supplies || []), ...(b.pumps || [])])].filter((t) => stateOf(t).kind === "bad") : [];
  put($("alarms"), now.failed && h("div", { class: "banner bad" }, h("strong", null, now.failed), " What is shown is what was last read."),
    now.survey && detectors().map(leakAlarm), ill.map((t) => h("div", { class: "banner bad" }, h("strong", null, `${t.Id}: ${stateOf(t).word}.`), " ", causes(t)[0] || "")));
}

function drawEvents() {
  put($("events"), now.events.length ? [...now.events].reverse().map(eventLine) : h("li", { class: "small" }, "Nothing has happened since this page was opened."));
}

function drawLeaks() {
  const list = detectors();
  put($("leaks"), list.length ? detectorTable(list, openDetector) : h("p", { class: "small" }, "This rack has none."));
}

async function cancel(task) {
  try {
    await rf.ask("DELETE", task["@odata.id"]);
  } catch (why) {
    now.failed = why.message;
  }
  await refresh();
}

function draw() {
  const { survey, plan } = now;
  $("title").textContent = plan.rack ? plan.rack.chassis.Id : "Rack";
  document.title = $("title").textContent;
  drawAlarms();
  put($("tiles"), plan.rack && tiles(survey, plan));
  put($("elevation"), elevation(survey, plan, { slot: openSlot, detector: openDetector }));
  drawLeaks();
  const tasks = [...now.tasks.filter((t) => !isOver(t)), ...now.tasks.filter(isOver)].slice(0, 6);
  put($("tasks"), tasks.length ? tasks.map((t) => taskBox(t, cancel)) : h("p", { class: "small" }, "None."));
  drawEvents();
  pools.update(now.pools, now.tasks);
  drawDetails();
  wizard.update(survey, plan, now.tasks);
}

// One thing, in full.
function openSlot(uri) {
  now.open = { uri, why: "" };
  $("details").showModal();
  drawDetails();
}
const openDetector = openSlot;
$("details").addEventListener("close", () => { now.open = null; });

async function act(what) {
  try {
    await what();
    now.open && (now.open.why = "");
  } catch (why) {
    now.open && (now.open.why = why.message);
  }
  await refresh();
}

function identity(thing) {
  const pairs = [["Manufacturer", thing.Manufacturer], ["Model", thing.Model], ["Part number", thing.PartNumber], ["Serial number", thing.SerialNumber], ["Firmware", thing.FirmwareVersion]];
  const known = pairs.filter(([, v]) => v);
  return known.length ? h("table", { class: "readings" }, h("tbody", null, known.map(([k, v]) => h("tr", null, h("th", { scope: "row" }, k), h("td", null, v))))) : null;
}

function slotButtons(chassis) {
  const reset = chassis.Actions && chassis.Actions["#Chassis.Reset"], uri = chassis["@odata.id"], state = chassis.Status && chassis.Status.State;
  const types = (reset && reset["ResetType@Redfish.AllowableValues"]) || [];
  const button = (key, word, what) => h("button", { type: "button", class: "quiet", "data-key": key, onclick: () => act(what) }, word);
  return h("div", { class: "buttons" },
    "LocationIndicatorActive" in chassis && button("led", chassis.LocationIndicatorActive ? "Attention light off" : "Attention light on", () => rf.patch(uri, { LocationIndicatorActive: !chassis.LocationIndicatorActive })),
    types.includes("On") && state === "StandbyOffline" && button("on", "Switch on", () => rf.post(reset.target, { ResetType: "On" })),
    types.includes("GracefulShutdown") && state === "Enabled" && button("off", "Shut down", () => rf.post(reset.target, { ResetType: "GracefulShutdown" })),
    state !== "Absent" && h("button", { type: "button", class: "go", "data-key": "swap", onclick: () => { $("details").close(); wizard.open(uri); } }, "Hot-swap"));
}

function drawDetails() {
  if (!now.open || !now.plan) return;
  const close = h("button", { type: "button", class: "quiet", "data-key": "close", onclick: () => $("details").close() }, "Close");
  const why = now.open.why && h("p", { class: "why", role: "alert" }, now.open.why);
  const body = now.plan.slots.find((s) => s.chassis["@odata.id"] === now.open.uri), detector = detectors().find((d) => d["@odata.id"] === now.open.uri);
  const system = now.pools && now.pools.systems.find((s) => s["@odata.id"] === now.open.uri);
  if (body) {
    const { kind, word } = stateOf(body.chassis);
    put($("details"), h("div", { class: "head" }, h("h2", { id: "details-title" }, tail(body.chassis)), pill(kind, word)), h("p", { class: "small" }, body.label), why,
      causes(body.chassis).map((c) => h("p", { class: "cause" }, c)), identity(body.chassis), rows(readingsOf(body)), slotButtons(body.chassis), h("div", { class: "buttons" }, close));
  } else if (system) {
    put($("details"), why, workloadDetails(system, now.pools.blocks, act, rf), h("div", { class: "buttons" }, close));
  } else if (detector) {
    const { kind, word } = detectorState(detector), line = (k, v) => h("tr", null, h("th", { scope: "row" }, k), h("td", null, v));
    put($("details"), h("div", { class: "head" }, h("h2", { id: "details-title" }, tail(detector)), pill(kind, word)), h("p", { class: "small" }, detector.Name), why,
      causes(detector).map((c) => h("p", { class: "cause" }, c)),
      h("table", { class: "readings" }, h("tbody", null, line("When wet", detector.CriticalReactionType ?? "None"), line("When damp", detector.WarningReactionType ?? "None"),
        line("After", `${detector.ReactionDelaySeconds ?? 0} s`), excerpts(detector, now.survey.byUri).map((r) => line(r.name, r.value === null ? r.why : `${r.value} ${r.unit}`)))),
      h("div", { class: "buttons" }, openEntries(detector).length && h("button", { type: "button", class: "go", "data-key": "ack", onclick: () => acknowledge(detector) }, "Acknowledge"), close));
  }
}

$("swap").addEventListener("click", () => wizard.open(null));
document.addEventListener("visibilitychange", () => { if (!document.hidden && rf.session) soon(0); });

async function listen() {
  const { stream } = await eventsOf(rf);
  if (stream) rf.stream(stream, heard, link);
}

async function begin() {
  show(true);
  await listen().catch((why) => { now.failed = why.message; }); // before the first look, so that nothing happens unheard between the two
  await refresh();
}

theme();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => theme());
if (rf.session) begin();
else show(false);
