/* SPDX-License-Identifier: Apache-2.0 */
/* The socket, its connections with a thread each, and their way to the loop's thread. */
#include "drivers/bus/remote/server.h"

#include "drivers/base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 64
#define IDLE_NS (3600 * PL_S)
#define HOLD_NS (2 * PL_S) /* a client that has a bus to itself and says nothing more */

struct connection { /* a thread each */
  struct pl_remote_client client; /* the first: pl_remote_send_edge comes from it to its connection */
  int fd; /* -1: free */
  pthread_t thread;
  bool running, ended; /* ended: to be joined */
};

struct pl_remote_server {
  struct pl_remote_server_cfg cfg;
  int fd, stop[2];
  bool bound; /* the socket's file is ours to take away */
  char path[108];
  pthread_t thread;
  pthread_mutex_t lock; /* guards what follows; taken after the locks of what stands behind, never before */
  pthread_cond_t news;
  bool started, stopping;
  uint32_t last_id;
  struct connection connections[CLIENTS_MAX];
};

/* --- the loop's thread --- */

static void on_loop(void *ctx)
{
  struct pl_remote_errand *errand = ctx;
  struct pl_remote_server *server = errand->server;
  pthread_mutex_lock(&server->lock);
  bool goes_on = !server->stopping;
  errand->begun = goes_on;
  pthread_mutex_unlock(&server->lock);
  if (goes_on)
    errand->run(errand); /* it may be over, and gone, when this returns */
}

bool pl_remote_on_loop(struct pl_remote_server *server, struct pl_remote_errand *errand)
{
  errand->server = server;
  errand->post = (struct pl_post){.run = on_loop, .ctx = errand};
  pl_clock_post(server->cfg.clock, &errand->post);
  pthread_mutex_lock(&server->lock);
  while (!errand->over && (errand->begun || !server->stopping))
    pthread_cond_wait(&server->news, &server->lock); /* the loop runs until pl_remote_server_stop, which says so; what has begun comes to its end */
  bool over = errand->over;
  pthread_mutex_unlock(&server->lock);
  pl_clock_unpost(server->cfg.clock, &errand->post);
  return over;
}

void pl_remote_errand_over(struct pl_remote_errand *errand)
{
  struct pl_remote_server *server = errand->server;
  pthread_mutex_lock(&server->lock);
  errand->over = true;
  pthread_cond_broadcast(&server->news);
  pthread_mutex_unlock(&server->lock);
}

/* --- edges --- */

void pl_remote_send_edge(struct pl_remote_client *client, int handle, bool active, uint64_t count, pl_time_ns at)
{
  struct connection *c = (struct connection *)(void *)client;
  uint8_t bytes[4 + 20] = {0, 0, 0, 20, PL_REMOTE_EDGE, (uint8_t)(handle >> 8), (uint8_t)handle, active};
  for (int i = 0; i < 8; i++) {
    bytes[8 + i] = (uint8_t)(count >> (56 - 8 * i));
    bytes[16 + i] = (uint8_t)((uint64_t)at >> (56 - 8 * i));
  }
  if (!client->server)
    return;
  pthread_mutex_lock(&client->server->lock);
  if (c->fd >= 0 && send(c->fd, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)sizeof bytes)
    shutdown(c->fd, SHUT_RDWR); /* it finds the connection closed */
  pthread_mutex_unlock(&client->server->lock);
}

/* --- connections --- */

static void *converse(void *ctx)
{
  struct connection *c = ctx;
  struct pl_remote_server *server = c->client.server;
  struct pl_remote_frame request = {.bytes = NULL}, reply = {.bytes = NULL};
  struct pl_err err = {0};
  for (;;) {
    enum pl_status status = pl_remote_receive(server->cfg.clock, c->fd, &request, c->client.holds ? HOLD_NS : IDLE_NS, &err);
    if (status == PL_E_TIMEOUT) {
      if (c->client.holds)
        server->cfg.ops->release(&c->client);
      continue;
    }
    if (status || !pl_remote_answer(&c->client, &request, &reply))
      break;
    if ((reply.len && pl_remote_send(c->fd, &reply, &err)) || !c->client.greeted)
      break;
  }
  server->cfg.ops->leave(&c->client);
  pl_remote_free(&request);
  pl_remote_free(&reply);
  pthread_mutex_lock(&server->lock);
  close(c->fd);
  c->fd = -1;
  c->ended = true;
  pthread_mutex_unlock(&server->lock);
  return NULL;
}

static struct connection *free_place(struct pl_remote_server *server) /* lock held */
{
  for (size_t i = 0; i < CLIENTS_MAX; i++) {
    struct connection *c = &server->connections[i];
    if (c->running && c->ended) {
      pthread_join(c->thread, NULL); /* it ends without the lock from here on */
      c->running = false;
    }
    if (!c->running)
      return c;
  }
  return NULL;
}

/* Who is there, for the log: the kernel's word, not the client's. */
static void look_at_peer(int fd, struct pl_remote_client *client)
{
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
    return;
  char path[64];
  client->pid = peer.pid;
  snprintf(path, sizeof path, "/proc/%ld/comm", client->pid);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = file >= 0 ? read(file, client->name, sizeof client->name - 1) : 0;
  client->name[n > 0 ? n : 0] = '\0';
  client->name[strcspn(client->name, "\n")] = '\0';
  if (file >= 0)
    close(file);
}

static void welcome(struct pl_remote_server *server, int fd)
{
  pthread_mutex_lock(&server->lock);
  struct connection *c = server->stopping ? NULL : free_place(server);
  if (c && pl_remote_limit(fd)) { /* a client that does not read its answers is left, in time */
    *c = (struct connection){.fd = fd, .client = {.ops = server->cfg.ops, .ctx = server->cfg.ctx, .clock = server->cfg.clock, .server = server}};
    c->client.id = ++server->last_id;
    look_at_peer(fd, &c->client);
    c->running = pthread_create(&c->thread, NULL, converse, c) == 0;
  }
  if (!c || !c->running) {
    if (c)
      c->fd = -1;
    close(fd);
  }
  pthread_mutex_unlock(&server->lock);
}

static void *accept_clients(void *ctx)
{
  struct pl_remote_server *server = ctx;
  for (;;) {
    struct pollfd fds[2] = {{.fd = server->fd, .events = POLLIN}, {.fd = server->stop[0], .events = POLLIN}};
    if (poll(fds, 2, -1) < 0 && errno != EINTR)
      return NULL;
    if (fds[1].revents)
      return NULL;
    int fd = fds[0].revents ? accept4(server->fd, NULL, NULL, SOCK_CLOEXEC) : -1;
    if (fd >= 0)
      welcome(server, fd);
  }
}

/* --- the server --- */

/* A socket that nobody listens at is left over from somebody killed and is replaced. */
static enum pl_status bind_to(struct pl_remote_server *server, struct pl_err *err)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(server->path) >= sizeof address.sun_path - 1)
    return pl_fail(err, PL_E_USAGE, "the socket's path %s is too long", server->path);
  snprintf(address.sun_path, sizeof address.sun_path, "%s", server->path);
  server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct stat what;
  bool asked = server->fd >= 0 && pl_remote_limit(server->fd);
  if (asked && (!connect(server->fd, (struct sockaddr *)&address, sizeof address) || errno == EAGAIN)) /* EAGAIN: it listens, but takes no more */
    return pl_fail(err, PL_E_LOCKED, "another virtual rack or broker listens at %s already", server->path);
  if (!lstat(server->path, &what) && S_ISSOCK(what.st_mode))
    (void)unlink(server->path);
  mode_t before = umask(0177); /* its owner's only */
  server->bound = asked && !bind(server->fd, (struct sockaddr *)&address, sizeof address);
  bool listens = server->bound && !listen(server->fd, 16);
  umask(before);
  return listens ? PL_OK : pl_fail_errno(err, "cannot listen at %s", server->path);
}

static bool start_thread(struct pl_remote_server *server)
{
  server->started = pipe(server->stop) == 0 && pl_thread_start(&server->thread, accept_clients, server);
  return server->started;
}

enum pl_status pl_remote_server_new(const struct pl_remote_server_cfg *cfg, struct pl_remote_server **out, struct pl_err *err)
{
  struct pl_remote_server *server = calloc(1, sizeof *server);
  if (!server)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the socket of a %s", cfg->ops->name);
  server->cfg = *cfg;
  server->fd = server->stop[0] = server->stop[1] = -1;
  snprintf(server->path, sizeof server->path, "%s", cfg->path);
  for (size_t i = 0; i < CLIENTS_MAX; i++)
    server->connections[i].fd = -1;
  pthread_mutex_init(&server->lock, NULL);
  pthread_cond_init(&server->news, NULL);
  enum pl_status status = bind_to(server, err);
  if (!status && !start_thread(server))
    status = pl_fail(err, PL_E_IO, "cannot start the thread of the socket %s", server->path);
  if (status) {
    pl_remote_server_free(server);
    return status;
  }
  *out = server;
  return PL_OK;
}

const char *pl_remote_server_path(const struct pl_remote_server *server)
{
  return server->path;
}

void pl_remote_server_stop(struct pl_remote_server *server)
{
  if (server->started) {
    (void)!write(server->stop[1], "", 1);
    pthread_join(server->thread, NULL);
    server->started = false;
  }
  pthread_mutex_lock(&server->lock);
  server->stopping = true;
  pthread_cond_broadcast(&server->news);
  for (size_t i = 0; i < CLIENTS_MAX; i++)
    if (server->connections[i].fd >= 0)
      shutdown(server->connections[i].fd, SHUT_RDWR);
  pthread_mutex_unlock(&server->lock);
}

void pl_remote_server_free(struct pl_remote_server *server)
{
  if (!server)
    return;
  pl_remote_server_stop(server);
  for (size_t i = 0; i < CLIENTS_MAX; i++)
    if (server->connections[i].running)
      pthread_join(server->connections[i].thread, NULL);
  for (int i = 0; i < 2; i++)
    if (server->stop[i] >= 0)
      close(server->stop[i]);
  if (server->fd >= 0)
    close(server->fd);
  if (server->bound)
    unlink(server->path);
  pthread_cond_destroy(&server->news);
  pthread_mutex_destroy(&server->lock);
  free(server);
}
