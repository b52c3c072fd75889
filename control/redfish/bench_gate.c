/* SPDX-License-Identifier: Apache-2.0 */
/* What a GET costs at the gate when its answer is kept, in CPU time of the caller: bench_gate [CALLS], a JSON line a figure. The web server's share is not in it. */
#include "control/redfish/service_test.h"
#include "control/redfish/gate_room.h"

#include <pthread.h>
#include <stdatomic.h>

struct warm {
  struct pl_gate *gate;
  struct pl_http_request request;
  atomic_bool over;
};

static void *warm_up(void *ctx)
{
  struct warm *w = ctx;
  pl_gate_serve(w->gate, &w->request, 10 * PL_S);
  atomic_store(&w->over, true);
  return NULL;
}

/* The first time the loop must answer. */
static int ask_once(struct stand *s, struct warm *w)
{
  pthread_t thread;
  atomic_store(&w->over, false);
  if (pthread_create(&thread, NULL, warm_up, w))
    return 0;
  while (!atomic_load(&w->over))
    pl_clock_step(s->clock, pl_clock_now(s->clock) + 10 * PL_MS);
  pthread_join(thread, NULL);
  return w->request.answer.status;
}

static int64_t cpu_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (int64_t)now.tv_sec * PL_S + now.tv_nsec;
}

/* In batches, so that the loop can read the rack in between: an answer with readings in it is not kept for longer than they count. */
static void measure(struct stand *s, struct warm *w, const char *name, long calls)
{
  enum { BATCH = 20000 };
  int64_t spent = 0;
  long hits = 0, done = 0;
  size_t size = 0;
  for (; done < calls; done += BATCH) {
    stand_run(s, 200 * PL_MS);
    if (ask_once(s, w) != 200) {
      fprintf(stderr, "%s: %d\n", name, w->request.answer.status);
      exit(1);
    }
    size = w->request.answer.body_size;
    pl_http_answer_free(&w->request.answer);
    int64_t begin = cpu_ns();
    for (long i = 0; i < BATCH; i++) { /* the loop stands: what is not kept would end as 503 */
      pl_gate_serve(w->gate, &w->request, 1);
      hits += w->request.answer.status == 200;
      pl_http_answer_free(&w->request.answer);
    }
    spent += cpu_ns() - begin;
  }
  printf("{\"figure\": \"%s\", \"value\": %.3f, \"unit\": \"us\", \"bytes\": %zu, \"hits\": %.4f}\n", name, (double)spent / (double)PL_US / (double)done, size,
         (double)hits / (double)done);
}

int main(int argc, char **argv)
{
  long calls = argc > 1 ? strtol(argv[1], NULL, 10) : 300000;
  struct stand *s = calloc(1, sizeof *s);
  struct warm w = {0};
  char basic[400] = "Basic ";
  WELL(s, pl_clock_new_real(&s->clock, &s->err));
  WELL(s, pl_rig_load(DEMO_RACK, &s->rig, &s->err));
  WELL(s, pl_bench_open(s->rig, &(const struct pl_bench_cfg){.clock = s->clock, .seed = 1}, &s->bench, &s->err));
  s->cfg = (struct pl_stack_cfg){.bench = s->bench, .seed = 1, .user = "admin", .password = "plumb-line-1"};
  WELL(s, pl_stack_open(&s->cfg, &s->stack, &s->err));
  WELL(s, pl_gate_new(s->stack, &w.gate, &s->err));
  stand_run(s, 2 * PL_S);
  struct pl_session session;
  WELL(s, pl_rights_session_new(s->stack->service->rights, "admin", "bench", &session, &s->err));
  w.request = (struct pl_http_request){.method = "GET", .target = "/redfish/v1/Chassis/csu-1", .peer = "bench", .encrypted = true, .n_fields = 4,
                                       .fields = {{"Host", "localhost"}, {"User-Agent", "bench"}, {"Accept", "*/*"}, {"X-Auth-Token", session.token}}};
  measure(s, &w, "redfish-gate-session-us", calls);
  encode64(ADMIN, basic + 6, sizeof basic - 6);
  w.request.fields[3] = (struct pl_http_field){"Authorization", basic};
  measure(s, &w, "redfish-gate-basic-us", calls);
  pl_gate_free(w.gate);
  stand_close(s);
  return 0;
}
