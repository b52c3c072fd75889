/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong between the rules: rules that wait for each other, conditions that can never hold, times that a bus cannot keep, signals that nobody watches. */
#include "host/safety/interlock_in.h"

/* --- how long a bus takes --- */

#define DIRECT_NS (20 * PL_US)     /* a system call on a GPIO character device, about */
#define USB_NS (2 * PL_MS)         /* a round trip to a USB bridge: one or two frames each way */
#define TCP_NS (2 * PL_MS)         /* a Modbus TCP answer on a local network */
#define I2C_BITS 60                /* a word read by register: 5 bytes with acknowledge, starts and stop, and its PEC */
#define RTU_CHARS 24               /* request 8, answer 9, and the two gaps of 3.5 (Modbus over serial line 1.02, 2.5.1.1) */
#define RTU_BITS 11
#define RTU_TURN_NS (5 * PL_MS)    /* until a device begins its answer, about */
#define EDGES_LOOK (250 * PL_MS)   /* what tells of changes by itself is looked at only to know that it can be */
#define SET_ACCESSES 3             /* an output among the bits of a device's register: read, write, and what a driver asks besides */
#define MUTE_ACCESSES 4            /* a device on a bus with addresses gets so many times what it should take, at least, before it counts as mute */
#define TIMEOUT_LEAST (200 * PL_MS) /* where nothing waits for it */
#define STALE_LOOKS 3              /* a signal that was not read for so many looks is unreadable */
#define STALE_LEAST (50 * PL_MS)

/* Adapters whose GPIO lines answer without a wire, and tell of edges. */
static bool is_direct(const struct pl_il_bus *own)
{
  const struct pl_rig_bus *bus = own->rig;
  return !own->wired && bus->kind == PL_BUS_GPIO && (!strcmp(bus->adapter->name, "gpiochip") || bus->adapter->is_virtual);
}

static int64_t speed_of(const struct pl_rig_bus *bus)
{
  const struct pl_value *value = pl_value_given(&bus->values, "speed");
  return value && value->number >= PL_U ? value->number / PL_U : 100000;
}

static int64_t baud_of(const struct pl_rig_bus *bus)
{
  const struct pl_value *value = pl_value_given(&bus->values, "baud"); /* a choice: its text is the number */
  long baud = value ? strtol(value->text, NULL, 10) : 0;
  return baud > 0 ? baud : 9600;
}

static pl_time_ns access_time(const struct pl_il_bus *own)
{
  const struct pl_rig_bus *bus = own->rig;
  bool local = bus->adapter->is_virtual || !strcmp(bus->adapter->name, "i2c-dev");
  switch (bus->kind) {
  case PL_BUS_GPIO: return is_direct(own) ? DIRECT_NS : USB_NS;
  case PL_BUS_I2C: return I2C_BITS * PL_S / speed_of(bus) + (local ? 0 : USB_NS);
  case PL_BUS_MODBUS: return !strcmp(bus->adapter->name, "modbus-tcp") ? TCP_NS : RTU_CHARS * RTU_BITS * PL_S / baud_of(bus) + RTU_TURN_NS;
  case PL_BUS_KIND_COUNT: break;
  }
  return USB_NS;
}

static size_t slowest_signal(const struct pl_interlock_rules *rules, const struct pl_il_rule *rule, pl_time_ns *longest);

static size_t accesses(const struct pl_il_bus *bus)
{
  return bus->rig->kind == PL_BUS_GPIO ? 1 : SET_ACCESSES;
}

static size_t outputs_on(const struct pl_interlock_rules *rules, const struct pl_il_rule *rule, size_t bus)
{
  size_t n = 0;
  for (size_t i = 0; i < rule->n_outputs; i++)
    n += rules->outputs[rule->outputs[i]].bus == bus;
  return n;
}

/* One device that does not answer must not keep a rule from its outputs on the same bus: it is waited for no longer than every rule's `within` leaves. Lines of
 * a GPIO chip have no addresses: there is none that could be mute alone. */
static pl_time_ns patience_of(const struct pl_interlock_rules *rules, size_t b)
{
  const struct pl_il_bus *bus = &rules->buses[b];
  pl_time_ns patience = 2 * bus->every > TIMEOUT_LEAST ? 2 * bus->every : TIMEOUT_LEAST, seen;
  for (size_t k = 0; k < rules->n_rules && bus->rig->kind != PL_BUS_GPIO; k++) {
    size_t outputs = outputs_on(rules, &rules->rules[k], b);
    if (!outputs)
      continue;
    (void)slowest_signal(rules, &rules->rules[k], &seen);
    pl_time_ns spare = rules->rules[k].within - seen - (pl_time_ns)(outputs * accesses(bus)) * bus->access;
    patience = spare < patience ? spare : patience;
  }
  return patience > MUTE_ACCESSES * bus->access ? patience : MUTE_ACCESSES * bus->access;
}

void pl_il_time_buses(struct pl_interlock_rules *rules)
{
  for (size_t i = 0; i < rules->n_buses; i++) {
    struct pl_il_bus *bus = &rules->buses[i];
    bus->edges = is_direct(bus) && !bus->sampled;
    bus->access = access_time(bus);
    pl_time_ns all = (pl_time_ns)bus->signals * bus->access, least = bus->edges && rules->period < EDGES_LOOK ? EDGES_LOOK : rules->period;
    bus->every = all > least ? all : least;
  }
  for (size_t i = 0; i < rules->n_signals; i++) {
    pl_time_ns every = rules->buses[rules->signals[i].bus].every;
    rules->signals[i].stale = STALE_LOOKS * every > STALE_LEAST ? STALE_LOOKS * every : STALE_LEAST;
  }
  for (size_t i = 0; i < rules->n_buses; i++)
    rules->buses[i].patience = patience_of(rules, i);
}

static const char *ms(pl_time_ns time, char *out, size_t size)
{
  return pl_quantity_format(PL_DIM_TIME, (time + PL_US - 1) / PL_US, out, size);
}

/* The signal of the rule that is seen last, and the longest that it may take. */
static size_t slowest_signal(const struct pl_interlock_rules *rules, const struct pl_il_rule *rule, pl_time_ns *longest)
{
  size_t slowest = 0;
  *longest = -1;
  for (size_t n = 0; n < rule->n_nodes; n++) {
    if (rule->nodes[n].op != PL_IL_FLAG && rule->nodes[n].op != PL_IL_COMPARE)
      continue;
    const struct pl_il_signal *signal = &rules->signals[rule->nodes[n].signal];
    const struct pl_il_bus *bus = &rules->buses[signal->bus];
    bool told = bus->edges && (signal->quantity->access & PL_EDGES);
    pl_time_ns time = (told ? 0 : bus->every) + (pl_time_ns)bus->signals * bus->access;
    if (time > *longest) {
      *longest = time;
      slowest = rule->nodes[n].signal;
    }
  }
  return slowest;
}

static pl_time_ns slowest_output(const struct pl_interlock_rules *rules, const struct pl_il_rule *rule, const struct pl_il_output **which)
{
  pl_time_ns longest = -1;
  for (size_t i = 0; i < rule->n_outputs; i++) {
    const struct pl_il_output *output = &rules->outputs[rule->outputs[i]];
    const struct pl_il_bus *bus = &rules->buses[output->bus];
    size_t before = outputs_on(rules, rule, output->bus); /* outputs of this rule on the same bus go one after the other */
    size_t more = is_direct(bus) ? 0 : bus->rig->kind == PL_BUS_GPIO ? 1 : MUTE_ACCESSES; /* a bus with a worker may be at a reading, of a device that is mute */
    pl_time_ns time = (pl_time_ns)(before * accesses(bus) + more) * bus->access;
    if (time > longest) {
      longest = time;
      *which = output;
    }
  }
  return longest;
}

static enum pl_status check_time(const struct pl_interlock_rules *rules, const struct pl_il_rule *rule, struct pl_err *err)
{
  pl_time_ns seen, done;
  const struct pl_il_output *output = NULL;
  const struct pl_il_signal *signal = &rules->signals[slowest_signal(rules, rule, &seen)];
  const struct pl_il_bus *bus = &rules->buses[signal->bus];
  done = slowest_output(rules, rule, &output);
  if (seen + done <= rule->within)
    return PL_OK;
  char a[48], b[48], c[48], d[48], e[48];
  const struct pl_node *at = pl_node_get(rule->node, "within");
  return pl_node_fail(rules->rig->conf, at ? at : rule->node, err,
                      "rule '%s' cannot act within %s: %s.%s is looked at every %s on bus '%s' (%zu signals of %s), and setting %s.%s takes %s, together up to %s; "
                      "allow that, shorten the interlock's `period`, or use a faster bus",
                      rule->name, ms(rule->within, a, sizeof a), signal->device->name, signal->quantity->name, ms(bus->every, b, sizeof b), bus->rig->name,
                      bus->signals, ms(bus->access, c, sizeof c), output->device->name, output->quantity->name, ms(done, d, sizeof d), ms(seen + done, e, sizeof e));
}

/* --- rules that wait for each other --- */

enum mark { NEW, OPEN, DONE };

static enum pl_status follow(const struct pl_interlock_rules *rules, size_t self, enum mark *marks, struct pl_err *err)
{
  const struct pl_il_rule *rule = &rules->rules[self];
  if (marks[self] == DONE)
    return PL_OK;
  if (marks[self] == OPEN)
    return pl_node_fail(rules->rig->conf, rule->node, err, "rule '%s' waits for itself, through the `after` and `unless` of others; break the circle", rule->name);
  marks[self] = OPEN;
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < rule->n_after && !status; i++)
    status = follow(rules, rule->after[i], marks, err);
  for (size_t i = 0; i < rule->n_unless && !status; i++)
    status = follow(rules, rule->unless[i], marks, err);
  marks[self] = DONE;
  return status;
}

static enum pl_status check_links(const struct pl_interlock_rules *rules, size_t self, struct pl_err *err)
{
  const struct pl_il_rule *rule = &rules->rules[self];
  for (size_t i = 0; i < rule->n_after; i++)
    for (size_t k = 0; k < rule->n_unless; k++)
      if (rule->after[i] == rule->unless[k])
        return pl_node_fail(rules->rig->conf, rule->node, err, "rule '%s' acts only after '%s' and never with it, so never", rule->name,
                            rules->rules[rule->after[i]].name);
  enum mark marks[PL_IL_RULES_MAX] = {NEW};
  return follow(rules, self, marks, err);
}

/* --- conditions that can never hold --- */

/* The least and most that a comparison lets its signal be; whole millionths. */
static void bounds(const struct pl_il_node *node, int64_t *least, int64_t *most)
{
  *least = INT64_MIN;
  *most = INT64_MAX;
  switch (node->cmp) {
  case PL_IL_GT: *least = node->limit_u + 1; break;
  case PL_IL_GE: *least = node->limit_u; break;
  case PL_IL_LT: *most = node->limit_u - 1; break;
  case PL_IL_LE: *most = node->limit_u; break;
  case PL_IL_EQ: *least = *most = node->limit_u; break;
  case PL_IL_NE: break;
  }
}

/* Two comparisons of one signal right under an `all` that leave nothing between them. */
static enum pl_status check_never(const struct pl_interlock_rules *rules, const struct pl_il_rule *rule, struct pl_err *err)
{
  for (size_t top = 0; top < rule->n_nodes; top++) {
    const struct pl_il_node *all = &rule->nodes[top];
    if (all->op != PL_IL_AT_LEAST || all->least != all->count)
      continue;
    for (size_t a = top + 1; a < all->end; a = rule->nodes[a].end)
      for (size_t b = rule->nodes[a].end; b < all->end; b = rule->nodes[b].end) {
        const struct pl_il_node *x = &rule->nodes[a], *y = &rule->nodes[b];
        int64_t low_x, high_x, low_y, high_y;
        if (x->op != PL_IL_COMPARE || y->op != PL_IL_COMPARE || x->signal != y->signal)
          continue;
        bounds(x, &low_x, &high_x);
        bounds(y, &low_y, &high_y);
        if (low_x > high_y || low_y > high_x)
          return pl_fail(err, PL_E_USAGE, "%s:%d: rule '%s' can never trip: nothing is both what line %d and what line %d asks of %s.%s", rules->rig->path, y->line,
                         rule->name, x->line, y->line, rules->signals[x->signal].device->name, rules->signals[x->signal].quantity->name);
      }
  }
  return PL_OK;
}

enum pl_status pl_il_check(const struct pl_interlock_rules *rules, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < rules->n_rules && !status; i++) {
    status = check_links(rules, i, err);
    if (!status)
      status = check_never(rules, &rules->rules[i], err);
    if (!status)
      status = check_time(rules, &rules->rules[i], err);
  }
  return status;
}

/* --- what nobody watches --- */

static bool is_used(const struct pl_interlock_rules *rules, const struct pl_rig_device *device)
{
  bool used = false;
  for (size_t i = 0; i < rules->n_signals; i++)
    used |= rules->signals[i].device == device;
  for (size_t i = 0; i < rules->n_outputs; i++)
    used |= rules->outputs[i].device == device;
  return used;
}

void pl_interlock_warnings(const struct pl_interlock_rules *rules, void (*fn)(void *ctx, const char *text), void *ctx)
{
  char text[256];
  for (size_t i = 0; rules && i < rules->rig->n_devices; i++) {
    const struct pl_rig_device *device = &rules->rig->devices[i];
    if (device->owner != PL_OWNER_INTERLOCK || is_used(rules, device))
      continue;
    snprintf(text, sizeof text, "%s:%d: no rule watches or sets '%s', which is the interlock's", rules->rig->path, device->line, device->name);
    fn(ctx, text);
  }
}
