/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_RIG_BACKEND_H
#define PL_RIG_BACKEND_H

#include "drivers/rig/rig.h"

/*
 * A virtual rack behind a rig: the twin. The host opens it by name and never includes a twin header.
 * Fault spec: TARGET.SIGNAL=KIND[:VALUE][@WHEN][ for TIME][ times N][ p=PERCENT], TARGET a device, part or bus, WHEN a time or read:N, write:N, access:N,
 * edge:N: "csu-3.power-good=stuck-low", "psu-a.supply=dead@12.5s", "rpu.wire=crc@read:3 times 2" (fixtures/faults/spec.h).
 */
struct pl_serve_cfg { /* NULL: not served that way */
  const char *tcp;      /* Modbus TCP: "127.0.0.1:0" */
  const char *rtu_link; /* Modbus RTU: a pty, linked as this */
  const char *usbip;    /* USB/IP: "127.0.0.1:3240" */
  bool attach;          /* the rig's USB devices are handed to this machine's vhci directly; needs root */
  bool no_usb_timing;   /* answers as fast as it can, instead of as slowly as USB and the wires are */
  const char *writes;   /* a file for what the rack is told, with times (fixtures/twin/writes.h) */
  const char *socket;   /* I2C, GPIO, acts and faults on a Unix socket, for the adapter and backend twin-remote */
};

struct pl_served { /* where; NULL: not served */
  const char *tcp, *rtu, *usbip, *socket;
  const char *usb; /* a line a USB device: "1-1 0403:6014 FT232H PLTWIN01" */
};

/* A row of the catalogue of faults. Texts are never NULL. */
struct pl_fault_about {
  const char *name;     /* "sensor=stuck", "psu.supply=dead" */
  const char *kind;     /* as of pl_fault_case */
  const char *where;    /* "a line of a device", "a part of kind psu" */
  const char *value;    /* what its VALUE is, with the unit; "": it takes none */
  const char *fallback; /* the usual value; "": none */
  const char *about, *real, *example; /* what it means physically; how a real rig makes it; a spec that can be planted in the demo rack */
  bool twin, proxy, fixture; /* who can: the virtual rack; an in-line proxy on a real bus; a real rig with the fixture that `real` names */
};

/* What is planted. */
enum pl_fault_state { PL_FAULT_WAITING, PL_FAULT_ACTING, PL_FAULT_OVER };
struct pl_fault_told {
  const char *spec; /* as it was planted */
  enum pl_fault_state state;
  uint64_t acted;   /* how often; physics: 1 once it has begun */
};
static inline const char *pl_fault_state_name(enum pl_fault_state state)
{
  static const char *const NAMES[] = {[PL_FAULT_WAITING] = "waiting", [PL_FAULT_ACTING] = "acting", [PL_FAULT_OVER] = "over"};
  return NAMES[state];
}

/* One fault of the catalogue at one place of this rig, with its usual parameters: what a coverage run plants, and whom a good diagnosis names. */
struct pl_fault_case {
  const char *fault;  /* the row of the catalogue: "psu.supply=dead", "sensor=stuck" */
  const char *kind;   /* "hydraulic", "electrical", "sensor", "wire", "protocol", "mechanical", "timing" */
  const char *spec;   /* ready to plant */
  const char *part, *device, *bus; /* what is broken; NULL where it is none of these */
  const char *about;
};

/* Something in the virtual rack that must not be, noticed since it was last asked. */
struct pl_hazard {
  const char *rule;   /* "dead-head", "live-unmate", "redundancy", "rating", ... */
  const char *part;
  char text[200];     /* what, with numbers, and what to do instead */
  pl_time_ns at;
};

/* A passive onlooker: told of each step of the physics, and changes nothing of what the rack does. For recordings. */
struct pl_truth_name {
  const char *part, *port;
  enum pl_dim dim; /* filled in */
};
struct pl_truth_tap {
  struct pl_truth_name *names; /* the caller's, while tap() runs */
  size_t count;
  /* With the clock's time and the values in the order of the names, in SI-like units; the loop's thread in virtual time, else whoever moves the rack. */
  void (*step)(void *ctx, pl_time_ns at, const double *values);
  void *ctx;
};

struct pl_backend_desc {
  const char *name; /* "twin" */
  /* seed makes all noise. all_virtual: also the devices whose buses are real in the rig (a rehearsal). */
  enum pl_status (*open)(const struct pl_rig *rig, struct pl_clock *clock, uint64_t seed, bool all_virtual, struct pl_backend **backend, struct pl_err *err);
  void (*close)(struct pl_backend *backend);
  /* Where a real library finds the twin's server of a bus: "127.0.0.1:PORT" or a pty's path. The string lives as long as the backend. */
  enum pl_status (*endpoint)(struct pl_backend *backend, const char *bus, const char **endpoint, struct pl_err *err);
  /* Does a fixture's or operator's act on a part in the virtual rack: "remove", "insert", "latch". PL_E_UNSUPPORTED when it knows none such. */
  enum pl_status (*act)(struct pl_backend *backend, const char *part, const char *verb, struct pl_err *err);
  enum pl_status (*plant)(struct pl_backend *backend, const char *spec, struct pl_err *err);
  enum pl_status (*clear)(struct pl_backend *backend, const char *spec, struct pl_err *err); /* NULL spec: all */
  /* The faults that can be planted, a row each. */
  void (*list_faults)(void (*fn)(void *ctx, const struct pl_fault_about *row), void *ctx);
  /* What is planted now, in the order of planting, also what is over. NULL: it does not count. */
  enum pl_status (*planted)(struct pl_backend *backend, void (*fn)(void *ctx, const struct pl_fault_told *each), void *ctx, struct pl_err *err);
  /* The in-line proxy only (fixtures/faults/proxy.h), NULL for others: stands between a real bus and its adapter from here on, which has just been opened;
   * lets everything on that bus through, while on; and everything everywhere, for good: safe values are about to be applied. */
  enum pl_status (*attach)(struct pl_backend *backend, struct pl_bus *bus, const struct pl_rig_bus *as, struct pl_err *err);
  void (*bypass)(struct pl_backend *backend, const struct pl_rig_bus *as, bool on);
  void (*lift)(struct pl_backend *backend);
  /* A physical value, the judge of tests: part.port in SI-like units. */
  enum pl_status (*truth)(struct pl_backend *backend, const char *part, const char *port, double *value, struct pl_err *err);
  /* The catalogue at this rig: one place a fault (the first that it fits), or every place. NULL: it has none to tell. */
  enum pl_status (*fault_cases)(struct pl_backend *backend, bool every_place, void (*fn)(void *ctx, const struct pl_fault_case *each), void *ctx,
                                struct pl_err *err);
  /* What became dangerous since the last call, for the plan check. NULL: it does not watch. */
  void (*hazards)(struct pl_backend *backend, void (*fn)(void *ctx, const struct pl_hazard *each), void *ctx);
  /* Every physical value now, part by part, in SI-like units: recordings and the state at a first failure. NULL: it cannot. */
  void (*each_truth)(struct pl_backend *backend, void (*fn)(void *ctx, const char *part, const char *port, enum pl_dim dim, double value), void *ctx);
  /* One onlooker, in place of the one before; NULL: none any more. step is called once at once. NULL: it cannot. */
  enum pl_status (*tap)(struct pl_backend *backend, const struct pl_truth_tap *tap, struct pl_err *err);
  /* Serves the rack to other programs until *stop; prints nothing, calls ready once. */
  enum pl_status (*serve)(struct pl_backend *backend, const struct pl_serve_cfg *cfg, void (*ready)(void *ctx, const struct pl_served *at), void *ctx,
                          volatile int *stop, struct pl_err *err);
  /* Pulls a USB device of the rack ("1-2") or puts it in again; NULL: it shows none. */
  enum pl_status (*plug)(struct pl_backend *backend, const char *busid, bool in, struct pl_err *err);
};

/* Generated from the tree: every `const struct pl_backend_desc pl_backend_*`. */
extern const struct pl_backend_desc *const pl_backends[];
extern const size_t pl_n_backends;
const struct pl_backend_desc *pl_backend_find(const char *name);

#endif
