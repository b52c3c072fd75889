/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A supply that lives in this struct. */
struct fake {
  struct pl_bus *bus;
  int opened, closed, sets;
  int64_t value_u;
  enum pl_status fails, junk; /* the call fails; or it says OK and marks the reading */
  pl_time_ns charge;
};

static struct fake *the_fake(const struct pl_device_args *args) /* handed over in place of a text setting */
{
  return (struct fake *)(uintptr_t)args->values->items[2].text;
}

enum { VOUT = 1, CLEAR };

static const struct pl_quantity QUANTITIES[] = {
    {.name = "vout", .dim = PL_DIM_VOLTAGE, .access = PL_GET | PL_SET, .id = VOUT, .min_u = 46 * PL_U, .max_u = 50 * PL_U},
    {.name = "fan-speed", .dim = PL_DIM_SPEED, .access = PL_GET},
    {.name = "on", .dim = PL_DIM_FLAG, .access = PL_SET},
    {.name = "clear-faults", .dim = PL_DIM_NONE, .access = PL_ACT, .id = CLEAR},
    {.name = "pulses", .dim = PL_DIM_NONE, .access = PL_EDGES},
};

static enum pl_status fake_open(const struct pl_device_args *args, void **self, struct pl_err *err)
{
  struct fake *f = the_fake(args);
  if (f->fails)
    return pl_fail(err, f->fails, "no such map");
  f->bus = args->bus;
  f->opened++;
  *self = f;
  return PL_OK;
}

static void fake_close(void *self)
{
  ((struct fake *)self)->closed++;
}

static enum pl_status fake_get(void *self, const struct pl_quantity *q, struct pl_reading *reading, struct pl_err *err)
{
  struct fake *f = self;
  assert_int_equal(reading->dim, q->dim);
  pl_bus_charge(f->bus, f->charge);
  reading->value_u = f->value_u;
  reading->status = f->junk;
  return f->fails ? pl_fail(err, f->fails, "not acknowledged") : PL_OK;
}

static enum pl_status fake_set(void *self, const struct pl_quantity *q, int64_t value_u, struct pl_err *err)
{
  (void)err;
  struct fake *f = self;
  f->sets++;
  f->value_u = q->id == CLEAR ? 0 : value_u;
  return PL_OK;
}

static enum pl_status fake_probe(void *self, struct pl_err *err)
{
  struct fake *f = self;
  return f->fails ? pl_fail(err, f->fails, "it says ACME, the rig says Delta") : PL_OK;
}

static enum pl_status fake_faults(void *self, struct pl_faults *faults, struct pl_err *err)
{
  (void)self;
  (void)err;
  snprintf(faults->names[faults->count++], PL_FAULT_NAME_MAX, "vout-ov-fault");
  return PL_OK;
}

static enum pl_status fake_edges(void *self, const struct pl_quantity *q, struct pl_gpio_edges *edges, struct pl_err *err)
{
  (void)q;
  struct fake *f = self;
  if (f->fails)
    return pl_fail(err, f->fails, "no line");
  *edges = (struct pl_gpio_edges){.rising = 12};
  return PL_OK;
}

static const struct pl_device_desc DESC = {
    .name = "psu-fake",
    .bus_kind = PL_BUS_I2C,
    .quantities = QUANTITIES,
    .n_quantities = sizeof QUANTITIES / sizeof QUANTITIES[0],
    .open = fake_open,
    .close = fake_close,
    .probe = fake_probe,
    .get = fake_get,
    .set = fake_set,
    .faults = fake_faults,
    .edges = fake_edges,
};

static const struct pl_param PARAMS[] = {{.name = "address", .kind = PL_PARAM_INT, .address = true},
                                         {.name = "unit", .kind = PL_PARAM_INT},
                                         {.name = "fake", .kind = PL_PARAM_TEXT}};

struct setting {
  struct pl_clock *clock;
  struct pl_bus *bus;
  struct pl_shape shape;
  struct pl_value items[3];
  struct pl_values values;
  struct pl_device *device;
  struct fake fake;
  struct pl_err err;
};

static void set_up(struct setting *s, bool is_virtual)
{
  *s = (struct setting){.fake = {.value_u = 48 * PL_U, .charge = 120 * PL_US}};
  s->items[0] = (struct pl_value){.param = &PARAMS[0], .given = true, .number = 0x58};
  s->items[1] = (struct pl_value){.param = &PARAMS[1], .given = true, .number = 3}; /* an address on modbus only */
  s->items[2] = (struct pl_value){.param = &PARAMS[2], .given = true, .text = (const char *)&s->fake};
  s->values = (struct pl_values){s->items, 3};
  assert_int_equal(is_virtual ? pl_clock_new_virtual(0, &s->clock, &s->err) : pl_clock_new_real(&s->clock, &s->err), PL_OK);
  assert_int_equal(pl_bus_new("i2c-power", PL_BUS_I2C, s->clock, &s->bus, &s->err), PL_OK);
  pl_bus_attach(s->bus, NULL, NULL, NULL, true);
  assert_int_equal(pl_device_shape(&DESC, &s->values, &s->shape, &s->err), PL_OK);
  const struct pl_device_args args = {.name = "psu-a", .bus = s->bus, .values = &s->values, .shape = &s->shape};
  assert_int_equal(pl_device_open(&DESC, &args, &s->device, &s->err), PL_OK);
}

static void tear_down(struct setting *s)
{
  pl_bus_free(s->bus);
  pl_device_close(s->device);
  assert_int_equal(s->fake.opened, s->fake.closed);
  pl_device_shape_free(&DESC, &s->shape);
  pl_clock_free(s->clock);
}

static const struct pl_quantity *named(const struct setting *s, const char *name)
{
  const struct pl_quantity *q = pl_shape_find(&s->shape, name);
  assert_non_null(q);
  return q;
}

static enum pl_status run(struct setting *s, struct pl_call *call, enum pl_call_kind kind, const char *quantity, int64_t value_u)
{
  call->device = s->device;
  call->kind = kind;
  call->quantity = quantity ? named(s, quantity) : NULL;
  call->value_u = value_u;
  s->err = (struct pl_err){0};
  return pl_call_run(call, &s->err);
}

static void names_and_shape(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true);
  assert_string_equal(pl_device_name(s.device), "psu-a");
  assert_ptr_equal(pl_device_bus(s.device), s.bus);
  assert_ptr_equal(pl_device_desc(s.device), &DESC);
  assert_ptr_equal(pl_device_shape_of(s.device), &s.shape);
  assert_int_equal(s.shape.count, 5);
  assert_ptr_equal(pl_shape_find(&s.shape, "fan_speed"), &QUANTITIES[1]);
  assert_ptr_equal(pl_shape_find(&s.shape, "fan-speed"), &QUANTITIES[1]);
  assert_null(pl_shape_find(&s.shape, "fan-spee"));
  assert_null(pl_shape_find(&s.shape, "fan-speeds"));
  tear_down(&s);
  pl_device_close(NULL);
}

static void a_get_gives_a_reading_with_its_time(void **state)
{
  (void)state;
  for (int is_virtual = 0; is_virtual < 2; is_virtual++) {
    struct setting s;
    struct pl_call call = {.timeout_ns = 0};
    set_up(&s, is_virtual);
    assert_int_equal(run(&s, &call, PL_CALL_GET, "vout", 0), PL_OK);
    assert_true(pl_reading_valid(&call.reading));
    assert_int_equal(call.reading.value_u, 48 * PL_U);
    assert_int_equal(call.reading.dim, PL_DIM_VOLTAGE);
    if (is_virtual)
      assert_int_equal(call.reading.at, 120 * PL_US);
    else
      assert_true(call.reading.at >= call.job.started + 120 * PL_US && call.reading.at <= pl_clock_now(s.clock));
    assert_int_equal(s.err.status, PL_OK);
    tear_down(&s);
  }
}

static void failures_name_device_bus_and_address_and_leave_no_number(void **state)
{
  (void)state;
  struct setting s;
  struct pl_call call = {.timeout_ns = 0};
  set_up(&s, true);
  s.fake.fails = PL_E_NACK;
  assert_int_equal(run(&s, &call, PL_CALL_GET, "vout", 0), PL_E_NACK);
  assert_string_equal(s.err.text, "psu-a (i2c-power, address 0x58): not acknowledged");
  assert_int_equal(call.reading.status, PL_E_NACK);
  assert_int_equal(call.reading.value_u, 0);
  assert_int_equal(call.reading.dim, PL_DIM_VOLTAGE);
  assert_int_equal(run(&s, &call, PL_CALL_PROBE, NULL, 0), PL_E_NACK);
  assert_string_equal(call.job.err.text, "psu-a (i2c-power, address 0x58): it says ACME, the rig says Delta");
  s.fake.fails = PL_OK;
  assert_int_equal(run(&s, &call, PL_CALL_PROBE, NULL, 0), PL_OK);
  s.fake.junk = PL_E_NAN; /* the driver says OK, but its reading is none */
  assert_int_equal(run(&s, &call, PL_CALL_GET, "vout", 0), PL_E_NAN);
  assert_string_equal(s.err.text, "psu-a (i2c-power, address 0x58): vout: not a number");
  assert_int_equal(call.reading.status, PL_E_NAN);
  assert_int_equal(call.reading.value_u, 0);
  tear_down(&s);
}

static void a_late_answer_is_no_reading(void **state)
{
  (void)state;
  struct setting s;
  struct pl_call call = {.timeout_ns = 5 * PL_MS};
  set_up(&s, true);
  s.fake.charge = 8 * PL_MS;
  assert_int_equal(run(&s, &call, PL_CALL_GET, "vout", 0), PL_E_TIMEOUT);
  assert_string_equal(s.err.text, "psu-a (i2c-power, address 0x58): answer came 3 ms after the deadline");
  assert_int_equal(call.reading.status, PL_E_TIMEOUT);
  assert_int_equal(call.reading.value_u, 0);
  call.timeout_ns = 0; /* one second */
  s.fake.charge = 999 * PL_MS;
  assert_int_equal(run(&s, &call, PL_CALL_GET, "vout", 0), PL_OK);
  s.fake.charge = 1001 * PL_MS;
  assert_int_equal(run(&s, &call, PL_CALL_GET, "vout", 0), PL_E_TIMEOUT);
  tear_down(&s);
}

static void what_cannot_be_done_is_refused_by_name(void **state)
{
  (void)state;
  static const struct {
    enum pl_call_kind kind;
    const char *quantity;
    int64_t value_u;
    enum pl_status status;
    const char *text;
  } ROWS[] = {
      {PL_CALL_GET, "on", 0, PL_E_UNSUPPORTED, "on cannot be read; it can only be set"},
      {PL_CALL_GET, "clear-faults", 0, PL_E_UNSUPPORTED, "clear-faults cannot be read; it is a command"},
      {PL_CALL_SET, "fan-speed", 0, PL_E_UNSUPPORTED, "fan-speed cannot be set; it can only be read"},
      {PL_CALL_SET, "vout", 60 * PL_U, PL_E_RANGE, "vout takes 46 V to 50 V, not 60 V"},
      {PL_CALL_SET, "vout", 46 * PL_U - 1, PL_E_RANGE, NULL},
      {PL_CALL_SET, "on", 2 * PL_U, PL_E_RANGE, NULL},
      {PL_CALL_GET, NULL, 0, PL_E_USAGE, "a get or set without a quantity"},
      {PL_CALL_IDENTIFY, NULL, 0, PL_E_UNSUPPORTED, "this kind of device has no identity to read"},
  };
  struct setting s;
  set_up(&s, true);
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    struct pl_call call = {.timeout_ns = 0};
    assert_int_equal(run(&s, &call, ROWS[i].kind, ROWS[i].quantity, ROWS[i].value_u), ROWS[i].status);
    static const char LABEL[] = "psu-a (i2c-power, address 0x58): ";
    assert_int_equal(strncmp(s.err.text, LABEL, sizeof LABEL - 1), 0);
    if (ROWS[i].text)
      assert_string_equal(s.err.text + sizeof LABEL - 1, ROWS[i].text);
    if (ROWS[i].kind == PL_CALL_GET)
      assert_int_equal(call.reading.status, ROWS[i].status);
  }
  assert_int_equal(s.fake.sets, 0);
  tear_down(&s);
}

static void sets_verbs_and_faults_reach_the_driver(void **state)
{
  (void)state;
  struct setting s;
  struct pl_call call = {.timeout_ns = 0};
  set_up(&s, true);
  assert_int_equal(run(&s, &call, PL_CALL_SET, "vout", 50 * PL_U), PL_OK);
  assert_int_equal(s.fake.value_u, 50 * PL_U);
  assert_int_equal(run(&s, &call, PL_CALL_SET, "on", PL_U), PL_OK);
  assert_int_equal(s.fake.value_u, PL_U);
  assert_int_equal(run(&s, &call, PL_CALL_SET, "clear-faults", 0), PL_OK);
  assert_int_equal(s.fake.value_u, 0);
  assert_int_equal(s.fake.sets, 3);
  assert_int_equal(run(&s, &call, PL_CALL_FAULTS, NULL, 0), PL_OK);
  assert_int_equal(call.faults.count, 1);
  assert_string_equal(call.faults.names[0], "vout-ov-fault");
  assert_int_equal(run(&s, &call, PL_CALL_FAULTS, NULL, 0), PL_OK);
  assert_int_equal(call.faults.count, 1); /* begun anew */
  tear_down(&s);
}

static void note_done(struct pl_call *call)
{
  ++*(int *)call->ctx;
}

static void a_submitted_call_ends_in_done_also_when_the_bus_closes(void **state)
{
  (void)state;
  struct setting s;
  int done = 0;
  set_up(&s, true);
  struct pl_call a = {.device = s.device, .kind = PL_CALL_GET, .quantity = named(&s, "vout"), .done = note_done, .ctx = &done}, b = a;
  pl_call_submit(&a);
  assert_int_equal(done, 0);
  while (pl_clock_step(s.clock, PL_NEVER))
    ;
  assert_int_equal(done, 1);
  assert_int_equal(a.reading.value_u, 48 * PL_U);
  pl_call_submit(&b);
  tear_down(&s);
  assert_int_equal(done, 2);
  assert_int_equal(b.reading.status, PL_E_CANCELLED);
  assert_string_equal(b.job.err.text, "psu-a (i2c-power, address 0x58): bus i2c-power was closed before the job began");
}

static void edges_are_those_of_the_driver(void **state)
{
  (void)state;
  struct setting s;
  struct pl_gpio_edges edges;
  set_up(&s, true);
  assert_int_equal(pl_device_edges(s.device, named(&s, "pulses"), &edges, &s.err), PL_OK);
  assert_int_equal(edges.rising, 12);
  assert_int_equal(pl_device_edges(s.device, named(&s, "vout"), &edges, &s.err), PL_E_UNSUPPORTED);
  assert_string_equal(s.err.text, "psu-a (i2c-power, address 0x58): the edges of vout are not watched");
  s.fake.fails = PL_E_GONE;
  assert_int_equal(pl_device_edges(s.device, named(&s, "pulses"), &edges, &s.err), PL_E_GONE);
  tear_down(&s);
}

static void opening_can_fail(void **state)
{
  (void)state;
  struct setting s;
  struct pl_device *device = NULL;
  set_up(&s, true);
  struct pl_device_desc modbus = DESC;
  modbus.bus_kind = PL_BUS_MODBUS;
  const struct pl_device_args args = {.name = "psu-b", .bus = s.bus, .values = &s.values, .shape = &s.shape};
  assert_int_equal(pl_device_open(&modbus, &args, &device, &s.err), PL_E_USAGE);
  assert_string_equal(s.err.text, "psu-b: driver psu-fake needs a bus of kind modbus, i2c-power is of kind i2c");
  s.fake.fails = PL_E_USAGE;
  assert_int_equal(pl_device_open(&DESC, &args, &device, &s.err), PL_E_USAGE);
  assert_string_equal(s.err.text, "psu-b (i2c-power, address 0x58): no such map");
  assert_null(device);
  tear_down(&s);
}

static void a_modbus_device_is_named_by_its_unit(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true);
  struct pl_device_desc modbus = DESC;
  modbus.bus_kind = PL_BUS_MODBUS;
  struct pl_bus *bus;
  struct pl_device *device;
  assert_int_equal(pl_bus_new("rtu", PL_BUS_MODBUS, s.clock, &bus, &s.err), PL_OK);
  s.items[0].given = false;
  s.fake.bus = bus;
  const struct pl_device_args args = {.name = "rpu", .bus = bus, .values = &s.values, .shape = &s.shape};
  assert_int_equal(pl_device_open(&modbus, &args, &device, &s.err), PL_OK);
  s.fake.fails = PL_E_CRC;
  struct pl_call call = {.device = device, .kind = PL_CALL_GET, .quantity = named(&s, "vout")};
  assert_int_equal(pl_call_run(&call, &s.err), PL_E_CRC);
  assert_string_equal(s.err.text, "rpu (rtu, unit 3): not acknowledged");
  pl_device_close(device);
  pl_bus_free(bus);
  tear_down(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_and_shape),
      cmocka_unit_test(a_get_gives_a_reading_with_its_time),
      cmocka_unit_test(failures_name_device_bus_and_address_and_leave_no_number),
      cmocka_unit_test(a_late_answer_is_no_reading),
      cmocka_unit_test(what_cannot_be_done_is_refused_by_name),
      cmocka_unit_test(sets_verbs_and_faults_reach_the_driver),
      cmocka_unit_test(a_submitted_call_ends_in_done_also_when_the_bus_closes),
      cmocka_unit_test(edges_are_those_of_the_driver),
      cmocka_unit_test(opening_can_fail),
      cmocka_unit_test(a_modbus_device_is_named_by_its_unit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
