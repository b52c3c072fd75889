/* SPDX-License-Identifier: Apache-2.0 */
/* The backend twin-remote against a rack of this test's own, which leaves when it likes. */
#include "drivers/bus/remote/wire.h"
#include "drivers/rig/backend.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_NS (10 * PL_S)

extern const struct pl_backend_desc pl_backend_twin_remote;

struct fake { /* serves `stays` requests on each connection in turn, then leaves without an answer */
  struct pl_clock *clock;
  char folder[64], path[96];
  int fd, n_connections;
  const int *stays;
  pthread_t thread;
};

static void answer_hello(int fd, struct pl_remote_frame *frame)
{
  struct pl_err err = {0};
  pl_remote_begin(frame, PL_REMOTE_REPLY);
  pl_remote_put(frame, PL_OK, 1);
  pl_remote_put_text(frame, "");
  pl_remote_put(frame, 0, 8);
  for (int i = 0; i < 3; i++)
    pl_remote_put(frame, 0, 6); /* speed, caps, limits, id */
  assert_int_equal(pl_remote_send(fd, frame, &err), PL_OK);
}

static void answer_truth(int fd, struct pl_remote_frame *frame, double value)
{
  struct pl_err err = {0};
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  pl_remote_begin(frame, PL_REMOTE_REPLY);
  pl_remote_put(frame, PL_OK, 1);
  pl_remote_put_text(frame, "");
  pl_remote_put(frame, bits, 8);
  assert_int_equal(pl_remote_send(fd, frame, &err), PL_OK);
}

static void *serve(void *ctx)
{
  struct fake *fake = ctx;
  struct pl_remote_frame frame = {.bytes = NULL};
  struct pl_err err = {0};
  for (int i = 0; i < fake->n_connections; i++) {
    int fd = accept(fake->fd, NULL, NULL);
    assert_int_equal(pl_remote_receive(fake->clock, fd, &frame, WAIT_NS, &err), PL_OK);
    answer_hello(fd, &frame);
    for (int k = 0; !pl_remote_receive(fake->clock, fd, &frame, WAIT_NS, &err) && k < fake->stays[i]; k++)
      answer_truth(fd, &frame, 10 * i + k);
    close(fd);
  }
  pl_remote_free(&frame);
  return NULL;
}

static void start(struct fake *fake, const int *stays, int n)
{
  struct pl_err err = {0};
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  *fake = (struct fake){.folder = "/tmp/test_remote_rack.XXXXXX", .stays = stays, .n_connections = n};
  assert_non_null(mkdtemp(fake->folder));
  snprintf(fake->path, sizeof fake->path, "%s/rack.sock", fake->folder);
  snprintf(address.sun_path, sizeof address.sun_path, "%s", fake->path);
  assert_int_equal(pl_clock_new_real(&fake->clock, &err), PL_OK);
  fake->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(fake->fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(fake->fd, 4), 0);
  assert_int_equal(pthread_create(&fake->thread, NULL, serve, fake), 0);
}

static void stop(struct fake *fake)
{
  pthread_join(fake->thread, NULL);
  close(fake->fd);
  unlink(fake->path);
  rmdir(fake->folder);
  pl_clock_free(fake->clock);
}

/* A connection whose answer did not come is not used again: the next request has one of its own, and no older answer can be taken for its own. */
static void a_rack_that_left_is_found_again(void **state)
{
  (void)state;
  static const int STAYS[] = {1, 0, 2};
  const struct pl_backend_desc *desc = &pl_backend_twin_remote;
  struct fake fake;
  struct pl_backend *rack;
  struct pl_err err = {0};
  double value = -1;
  start(&fake, STAYS, 3);
  const struct pl_rig rig = {.path = "test.yaml", .twin_socket = fake.path};
  assert_int_equal(desc->open(&rig, fake.clock, 0, false, &rack, &err), PL_OK);
  assert_int_equal(desc->truth(rack, "csu-1", "vout", &value, &err), PL_OK);
  assert_true(value == 0);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(desc->truth(rack, "csu-1", "vout", &value, &err), PL_E_GONE);
    assert_non_null(strstr(err.text, fake.path));
    assert_true(value == 0);
  }
  for (int i = 0; i < 2; i++) {
    assert_int_equal(desc->truth(rack, "csu-1", "vout", &value, &err), PL_OK);
    assert_true(value == 20 + i);
  }
  desc->close(rack);
  stop(&fake);
}

static void a_rig_without_a_rack_is_refused(void **state)
{
  (void)state;
  struct pl_backend *rack = NULL;
  struct pl_err err = {0};
  const struct pl_rig none = {.path = "test.yaml"}, nobody = {.path = "test.yaml", .twin_socket = "/tmp/there-is-no-rack-here.sock"};
  struct pl_clock *clock;
  assert_int_equal(pl_clock_new_real(&clock, &err), PL_OK);
  assert_int_equal(pl_backend_twin_remote.open(&none, clock, 0, false, &rack, &err), PL_E_USAGE);
  assert_non_null(strstr(err.text, "test.yaml names no `twin-socket`"));
  assert_int_equal(pl_backend_twin_remote.open(&nobody, clock, 0, false, &rack, &err), PL_E_GONE);
  assert_non_null(strstr(err.text, "plumb twin serve --socket"));
  assert_null(rack);
  pl_clock_free(clock);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_rack_that_left_is_found_again),
      cmocka_unit_test(a_rig_without_a_rack_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
