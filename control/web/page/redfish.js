// SPDX-License-Identifier: Apache-2.0
// Redfish over fetch: one session, its token in a header, never in a cookie. All that the page knows comes through here.
const ROOT = "/redfish/v1/";
const KEPT = "rackd-session"; // sessionStorage: a reload stays logged in, a closed tab is forgotten

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// The sentence of an answer that says no: the resolution says what to do, where the service gave one.
function sentence(status, body) {
  const info = body && body.error && body.error["@Message.ExtendedInfo"];
  const first = info && info[0];
  if (first && /^Composition\./.test(first.MessageId) && first.Resolution) return first.Resolution; // what was short, and by how much
  if (first && first.MessageId && !/GeneralError$/.test(first.MessageId)) return first.Message;
  if (first && first.Resolution) return first.Resolution;
  return (body && body.error && body.error.message) || `The service answered ${status}.`;
}

export class Redfish {
  constructor() {
    this.session = JSON.parse(sessionStorage.getItem(KEPT) || "null"); // {token, uri, user}
    this.ended = () => {}; // the session is no more
    this.tags = new Map(); // uri -> ETag of what was last read
    this.kept = new Map(); // what stays as it is for as long as the page is open
  }

  get user() {
    return this.session && this.session.user;
  }

  async ask(method, uri, body, more) {
    const headers = { "OData-Version": "4.0", Accept: "application/json", ...more };
    if (this.session) headers["X-Auth-Token"] = this.session.token;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer;
    try { // credentials "omit": the browser keeps no password and asks for none
      answer = await fetch(uri, { method, headers, credentials: "omit", cache: "no-store", body: body === undefined ? undefined : JSON.stringify(body) });
    } catch {
      throw new Refused(0, "The stack does not answer.");
    }
    const text = await answer.text();
    let parsed = null;
    try {
      parsed = text ? JSON.parse(text) : null;
    } catch {
      throw new Refused(answer.status, "The answer was not JSON.");
    }
    if (answer.status === 401 && this.session) {
      this.forget();
      this.ended();
    }
    if (!answer.ok) throw new Refused(answer.status, sentence(answer.status, parsed));
    const tag = answer.headers.get("ETag");
    if (tag && method === "GET") this.tags.set(uri, tag);
    return { body: parsed, status: answer.status, location: answer.headers.get("Location"), token: answer.headers.get("X-Auth-Token") };
  }

  async get(uri) {
    return (await this.ask("GET", uri)).body;
  }

  // Read once: the root and what it names.
  async steady(uri) {
    if (!this.kept.has(uri)) this.kept.set(uri, await this.get(uri));
    return this.kept.get(uri);
  }

  // Members of a collection, whole, with so many levels below; in pages where the service pages, one by one where it does not expand.
  async members(uri, query = "", levels = 1) {
    const all = [];
    let next = `${uri}?$expand=.($levels=${levels})${query}`;
    while (next) {
      const page = await this.get(next);
      all.push(...(page.Members || []));
      next = query ? null : page["Members@odata.nextLink"];
    }
    return Promise.all(all.map((m) => (isWhole(m) ? m : this.get(m["@odata.id"]))));
  }

  // A change, only of what was seen: the ETag of the last reading goes with it.
  async patch(uri, change) {
    await this.get(uri);
    const tag = this.tags.get(uri);
    return this.ask("PATCH", uri, change, tag ? { "If-Match": tag } : {});
  }

  post(uri, body) {
    return this.ask("POST", uri, body);
  }

  async login(user, password) {
    this.session = null;
    const made = await this.ask("POST", `${ROOT}SessionService/Sessions`, { UserName: user, Password: password });
    this.session = { token: made.token, uri: made.location || made.body["@odata.id"], user };
    sessionStorage.setItem(KEPT, JSON.stringify(this.session));
  }

  forget() {
    this.session = null;
    sessionStorage.removeItem(KEPT);
  }

  async logout() {
    const uri = this.session && this.session.uri;
    try {
      if (uri) await this.ask("DELETE", new URL(uri, location.href).pathname);
    } finally {
      this.forget();
    }
  }

  // Events as they happen, by fetch: EventSource could not send the token. Begins again where it stopped, for as long as the session lasts.
  async stream(uri, onEvent, onState) {
    let last = null, wait = 500;
    const session = this.session;
    while (this.session && this.session === session) {
      try {
        const headers = { "X-Auth-Token": session.token, Accept: "text/event-stream" };
        if (last !== null) headers["Last-Event-ID"] = last;
        const answer = await fetch(uri, { headers, credentials: "omit", cache: "no-store" });
        if (answer.status === 401) {
          this.forget();
          this.ended();
          return;
        }
        if (!answer.ok || !answer.body) throw new Refused(answer.status, "no stream");
        onState(true);
        wait = 500;
        await this.#lines(answer.body.getReader(), (id, data) => {
          if (id !== null) last = id;
          onEvent(data);
        });
      } catch {
        // the next round tells
      }
      if (this.session !== session) return;
      onState(false);
      await new Promise((done) => setTimeout(done, wait));
      wait = Math.min(wait * 2, 8000);
    }
  }

  async #lines(reader, onMessage) {
    const decoder = new TextDecoder();
    let rest = "", id = null, data = [];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (line === "" && data.length) {
          onMessage(id, JSON.parse(data.join("\n")));
          data = [];
        } else if (line.startsWith("id:")) {
          id = line.slice(3).trim();
        } else if (line.startsWith("data:")) {
          data.push(line.slice(5).trim());
        }
      }
    }
  }
}

// The rack, by following the links that the service gives; nothing is asked for that it does not name.
const at = (thing) => thing && thing["@odata.id"];
const isWhole = (thing) => Object.keys(thing).length > 1;

// One look: what came with an earlier answer of it (its links are resources then, $expand) is not asked for again.
class Look {
  constructor(rf) {
    Object.assign(this, { rf, came: new Map() });
  }

  #keep(thing) {
    if (!thing || typeof thing !== "object") return;
    if (thing["@odata.type"] && at(thing)) this.came.set(at(thing), thing);
    for (const below of Object.values(thing)) this.#keep(below);
  }

  async get(uri, levels = 0) {
    if (!this.came.has(uri)) this.#keep(await this.rf.get(levels ? `${uri}?$expand=.($levels=${levels})` : uri));
    return this.came.get(uri);
  }

  async members(uri, query = "", levels = 1) {
    const came = this.came.get(uri), members = came && !came["Members@odata.nextLink"] && (came.Members || []).map((m) => (isWhole(m) ? m : this.came.get(at(m))));
    if (members && members.every(Boolean)) return members;
    const asked = await this.rf.members(uri, query, levels);
    this.#keep(asked);
    return asked;
  }
}

async function maybe(rf, thing, how, ...more) {
  if (!at(thing)) return how === "members" ? [] : null;
  try {
    return await rf[how](at(thing), ...more);
  } catch (why) {
    if (why.status === 404 || why.status === 403) return how === "members" ? [] : null;
    throw why;
  }
}

async function equipmentOf(rf, root) {
  const equipment = await maybe(rf, root.ThermalEquipment, "get", 4);
  const units = [];
  for (const kind of ["RPUs", "CDUs", "HeatExchangers", "ImmersionUnits"])
    units.push(...(await maybe(rf, equipment && equipment[kind], "members")).map((unit) => ({ kind, unit })));
  const loops = await maybe(rf, equipment && equipment.CoolingLoops, "members");
  await Promise.all(loops.map(async (loop) => {
    loop.connectors = (await Promise.all(["PrimaryCoolantConnectors", "SecondaryCoolantConnectors"].map((k) => maybe(rf, loop[k], "members")))).flat();
  }));
  return { units, loops };
}

async function coolingUnit(rf, { kind, unit }) {
  const [pumps, reservoirs, filters, primary, secondary, metrics, leak] = await Promise.all([
    maybe(rf, unit.Pumps, "members"), maybe(rf, unit.Reservoirs, "members"), maybe(rf, unit.Filters, "members"), maybe(rf, unit.PrimaryCoolantConnectors, "members"),
    maybe(rf, unit.SecondaryCoolantConnectors, "members"), maybe(rf, unit.EnvironmentMetrics, "get"), maybe(rf, unit.LeakDetection, "get")]);
  return { kind, unit, pumps, reservoirs, filters, connectors: [...primary, ...secondary], metrics, detectors: await maybe(rf, leak && leak.LeakDetectors, "members") };
}

async function chassisOf(rf, chassis) {
  const [metrics, power, thermal, sensors] = await Promise.all([maybe(rf, chassis.EnvironmentMetrics, "get"), maybe(rf, chassis.PowerSubsystem, "get"),
    maybe(rf, chassis.ThermalSubsystem, "get"), maybe(rf, chassis.Sensors, "members")]);
  const [supplies, batteries, connectors, leak, thermalMetrics] = await Promise.all([maybe(rf, power && power.PowerSupplies, "members", "", 2), maybe(rf, power && power.Batteries, "members"),
    maybe(rf, thermal && thermal.CoolantConnectors, "members"), maybe(rf, thermal && thermal.LeakDetection, "get"), maybe(rf, thermal && thermal.ThermalMetrics, "get")]);
  const detectors = await maybe(rf, leak && leak.LeakDetectors, "members");
  await Promise.all(supplies.map(async (s) => { s.metrics = await maybe(rf, s.Metrics, "get"); }));
  return { chassis, metrics, power, thermal, thermalMetrics, sensors, supplies, batteries, connectors, detectors };
}

// One look at everything: {root, chassis: [...], units: [...], loops: [...]}.
export async function survey(rf) {
  const root = await rf.steady(ROOT), now = new Look(rf);
  const [chassis, equipment] = await Promise.all([maybe(now, root.Chassis, "members", "", 3), equipmentOf(now, root)]);
  const [bodies, units] = await Promise.all([Promise.all(chassis.map((c) => chassisOf(now, c))), Promise.all(equipment.units.map((u) => coolingUnit(now, u)))]);
  const byUri = new Map(bodies.flatMap((b) => b.sensors).map((s) => [s["@odata.id"], s])); // sensors: an excerpt that has no reading says by them why
  for (const part of [...bodies, ...units]) part.byUri = byUri;
  return { root, chassis: bodies, units, loops: equipment.loops, byUri };
}

export async function tasksOf(rf, root) {
  const service = await maybe(rf, root.Tasks, "steady");
  return maybe(rf, service && service.Tasks, "members");
}

// Where events are told as they happen.
export async function eventsOf(rf) {
  const service = await maybe(rf, (await rf.steady(ROOT)).EventService, "steady");
  return { stream: service && service.ServerSentEventUri };
}

// The event log's newest entries (the service gives the newest first), of the first manager that keeps one.
const LOG_SHOWN = 100;
export async function logOf(rf, root) {
  for (const manager of await maybe(rf, root.Managers, "members"))
    for (const service of await maybe(rf, manager.LogServices, "members"))
      if (service.LogEntryType === "Event" && at(service.Entries)) return rf.members(at(service.Entries), `&$top=${LOG_SHOWN}`);
  return [];
}
