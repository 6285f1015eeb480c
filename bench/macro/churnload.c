/*
 * churnload: opens and closes what a broker has to keep track of, and makes many of it.
 *
 * A thread for each connection, and blocking sockets: so many things are opened, as the window says, and when all answers
 * are there, all are closed.
 *
 *   cc -O2 -pthread -o churnload churnload.c -lm
 *   ./churnload --port 5672 --op queue --parallel 8 --seconds 3
 *
 * Prints one JSON object. `churnload --help` lists the options.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "wire.h"

static struct { const char *host, *op; int port, parallel, window, seconds, warmup; long count, messages; } o =
  {"127.0.0.1", "connection", 5672, 8, 1, 3, 1, 0, 100000};

#define CHANNEL_MAX 4000
#define BODY_BYTES 100
#define CONFIRM_WINDOW 500
#define BIND_BATCH 100
#define TOPIC_QUEUES 10

enum { CONNECTION = 10, CHANNEL = 20, EXCHANGE = 40, QUEUE = 50, BASIC = 60, CONFIRM = 85 };
enum { PUBLISH = 40, DELIVER = 60, ACK = 80 };

typedef struct { int fd, id; uint8_t *in, *out; size_t at, len, out_len, out_cap; } conn_t;
typedef struct { int cls, mth; const uint8_t *payload; size_t size; } method_t;

static void die(const char *what) { fprintf(stderr, "churnload: %s\n", what); exit(1); }

/* ---- a blocking connection ---- */
#define IN_CAP (1 << 20)
static void put(conn_t *c, const void *bytes, size_t n) {
  if (c->out_len + n > c->out_cap) {
    c->out_cap = (c->out_len + n) * 2;
    if (!(c->out = realloc(c->out, c->out_cap))) die("out of memory");
  }
  memcpy(c->out + c->out_len, bytes, n); c->out_len += n;
}
static void frame(conn_t *c, int type, int channel, const enc_t *e) {
  enc_t h = {.n = 0}; e8(&h, type); e16(&h, channel); e32(&h, (uint32_t)e->n);
  put(c, h.b, h.n); put(c, e->b, e->n); put(c, "\xce", 1);
}
static void flush(conn_t *c) {
  for (size_t done = 0; done < c->out_len;) {
    ssize_t n = send(c->fd, c->out + done, c->out_len - done, MSG_NOSIGNAL);
    if (n <= 0) die("connection lost while sending");
    done += (size_t)n;
  }
  c->out_len = 0;
}
static int receive(conn_t *c, size_t need) {
  while (c->len - c->at < need) {
    if (c->at) { memmove(c->in, c->in + c->at, c->len - c->at); c->len -= c->at; c->at = 0; }
    ssize_t n = recv(c->fd, c->in + c->len, IN_CAP - c->len, 0);
    if (n <= 0) return 0;
    c->len += (size_t)n;
  }
  return 1;
}
/* The next method; contents are passed over. 0 at the end of the connection. */
static int next_method(conn_t *c, method_t *m) {
  for (;;) {
    if (!receive(c, 7)) return 0;
    size_t size = g32(c->in + c->at + 3);
    if (!receive(c, size + 8)) return 0;
    uint8_t *f = c->in + c->at; c->at += size + 8;
    if (f[0] != 1) continue;
    *m = (method_t){f[7] << 8 | f[8], f[9] << 8 | f[10], f + 11, size - 4};
    if ((m->cls == CONNECTION && m->mth == 50) || (m->cls == CHANNEL && m->mth == 40)) {
      fprintf(stderr, "churnload: broker said: %.*s\n", m->payload[2], m->payload + 3); exit(1);
    }
    return 1;
  }
}
static void expect(conn_t *c, int cls, int mth) {
  method_t m;
  do if (!next_method(c, &m)) die("the broker closed the connection"); while (m.cls != cls || m.mth != mth);
}
static enc_t method(int cls, int mth) { enc_t e = {.n = 0}; e16(&e, cls); e16(&e, mth); return e; }
static void call(conn_t *c, int channel, enc_t e, int cls, int mth) { frame(c, 1, channel, &e); flush(c); expect(c, cls, mth); }

static void open_channel(conn_t *c, int channel) { enc_t e = method(CHANNEL, 10); eshort(&e, ""); frame(c, 1, channel, &e); }
static void open_conn(conn_t *c) {
  c->fd = socket(AF_INET, SOCK_STREAM, 0); c->at = c->len = c->out_len = 0;
  if (!c->in && !(c->in = malloc(IN_CAP))) die("out of memory");
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)o.port)};
  inet_pton(AF_INET, o.host, &a.sin_addr);
  if (connect(c->fd, (struct sockaddr *)&a, sizeof a)) die("cannot connect");
  int one = 1; setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  put(c, "AMQP\0\0\x09\x01", 8); flush(c); expect(c, CONNECTION, 10);
  enc_t e = method(CONNECTION, 11); e32(&e, 0); eshort(&e, "PLAIN"); elong(&e, "\0guest\0guest", 12); eshort(&e, "en_US");
  call(c, 0, e, CONNECTION, 30);
  e = method(CONNECTION, 31); e16(&e, 2047); e32(&e, 131072); e16(&e, 0); frame(c, 1, 0, &e);
  e = method(CONNECTION, 40); eshort(&e, "/"); eshort(&e, ""); e8(&e, 0); call(c, 0, e, CONNECTION, 41);
  open_channel(c, 1); flush(c); expect(c, CHANNEL, 11);
}
static void close_conn(conn_t *c) {
  enc_t e = method(CONNECTION, 50); e16(&e, 200); eshort(&e, "bye"); e16(&e, 0); e16(&e, 0);
  call(c, 0, e, CONNECTION, 51); close(c->fd);
}

/* ---- methods ---- */
enum { TRANSIENT = 0, DURABLE = 2, EXCLUSIVE = 4 };
static void queue_declare(conn_t *c, int channel, const char *name, int flags) {
  enc_t e = method(QUEUE, 10); e16(&e, 0); eshort(&e, name); e8(&e, flags); e32(&e, 0); frame(c, 1, channel, &e);
}
static void queue_delete(conn_t *c, const char *name) {
  enc_t e = method(QUEUE, 40); e16(&e, 0); eshort(&e, name); e8(&e, 0); frame(c, 1, 1, &e);
}
static void exchange_declare(conn_t *c, const char *name, int flags) {
  enc_t e = method(EXCHANGE, 10); e16(&e, 0); eshort(&e, name); eshort(&e, "topic"); e8(&e, flags); e32(&e, 0);
  call(c, 1, e, EXCHANGE, 11);
}
static void exchange_delete(conn_t *c, const char *name) {
  enc_t e = method(EXCHANGE, 20); e16(&e, 0); eshort(&e, name); e8(&e, 0); call(c, 1, e, EXCHANGE, 21);
}
static void bind_queue(conn_t *c, const char *queue, const char *exchange, const char *key) {
  enc_t e = method(QUEUE, 20); e16(&e, 0); eshort(&e, queue); eshort(&e, exchange); eshort(&e, key); e8(&e, 0); e32(&e, 0);
  frame(c, 1, 1, &e);
}
static void consume(conn_t *c, int channel, const char *queue, const char *tag) {
  enc_t e = method(BASIC, 20); e16(&e, 0); eshort(&e, queue); eshort(&e, tag); e8(&e, 2); e32(&e, 0); frame(c, 1, channel, &e);
}
static void publish(conn_t *c, int channel, const char *exchange, const char *key) {
  enc_t e = method(BASIC, PUBLISH), b = {.n = BODY_BYTES}; e16(&e, 0); eshort(&e, exchange); eshort(&e, key); e8(&e, 0);
  frame(c, 1, channel, &e);
  e = (enc_t){.n = 0}; e16(&e, BASIC); e16(&e, 0); e64(&e, BODY_BYTES); e16(&e, 0); frame(c, 2, channel, &e);
  memset(b.b, 'x', BODY_BYTES); frame(c, 3, channel, &b);
}

/* ---- churn: one thing is made and taken away, again and again ---- */
typedef struct { conn_t c; char queue[40]; uint64_t done, all, hist[BUCKETS]; } worker_t;
static const char *const exchanges[] = {"churn-transient", "churn-durable"};
static volatile int measuring, stopping;

/* `i` numbers what is open on a connection at the same time. */
static void open_queue(worker_t *w, int i, int flags) {
  char name[64]; snprintf(name, sizeof name, "%s-%d", w->queue, i); queue_declare(&w->c, 1, name, flags);
}
static void open_binding(worker_t *w, int i, int durable) {
  char key[64]; snprintf(key, sizeof key, "churn.%d.%d", w->c.id, i); bind_queue(&w->c, w->queue, exchanges[durable], key);
}
static void close_channel(worker_t *w, int i) {
  enc_t e = method(CHANNEL, 40); e16(&e, 200); eshort(&e, ""); e32(&e, 0); frame(&w->c, 1, i + 2, &e);
}
static void close_queue(worker_t *w, int i) {
  char name[64]; snprintf(name, sizeof name, "%s-%d", w->queue, i); queue_delete(&w->c, name);
}
static void close_binding(worker_t *w, int i, int durable) {
  char key[64]; snprintf(key, sizeof key, "churn.%d.%d", w->c.id, i);
  enc_t e = method(QUEUE, 50); e16(&e, 0); eshort(&e, w->queue); eshort(&e, exchanges[durable]); eshort(&e, key); e32(&e, 0); frame(&w->c, 1, 1, &e);
}
static void close_consumer(worker_t *w, int i) {
  char tag[32]; snprintf(tag, sizeof tag, "c%d", i);
  enc_t e = method(BASIC, 30); eshort(&e, tag); e8(&e, 0); frame(&w->c, 1, 1, &e);
}
enum { OP_CONNECTION, OP_CHANNEL, OP_QUEUE, OP_DURABLE_QUEUE, OP_BINDING, OP_DURABLE_BINDING, OP_CONSUMER, OPS };
static const char *const ops[OPS] = {"connection", "channel", "queue", "durable-queue", "binding", "durable-binding", "consumer"};
/* class, method that answers the opening, method that answers the closing */
static const int answers[OPS][3] = {{0}, {CHANNEL, 11, 41}, {QUEUE, 11, 41}, {QUEUE, 11, 41}, {QUEUE, 21, 51}, {QUEUE, 21, 51}, {BASIC, 21, 31}};
static int op;
static void open_one(worker_t *w, int i) {
  char tag[32]; snprintf(tag, sizeof tag, "c%d", i);
  if (op == OP_CHANNEL) open_channel(&w->c, i + 2);
  else if (op == OP_QUEUE || op == OP_DURABLE_QUEUE) open_queue(w, i, op == OP_QUEUE ? TRANSIENT : DURABLE);
  else if (op == OP_BINDING || op == OP_DURABLE_BINDING) open_binding(w, i, op == OP_DURABLE_BINDING);
  else consume(&w->c, 1, w->queue, tag);
}
static void close_one(worker_t *w, int i) {
  if (op == OP_CHANNEL) close_channel(w, i);
  else if (op == OP_QUEUE || op == OP_DURABLE_QUEUE) close_queue(w, i);
  else if (op == OP_BINDING || op == OP_DURABLE_BINDING) close_binding(w, i, op == OP_DURABLE_BINDING);
  else close_consumer(w, i);
}
static void once(worker_t *w) {
  if (op == OP_CONNECTION) { close_conn(&w->c); open_conn(&w->c); return; }
  for (int i = 0; i < o.window; i++) open_one(w, i);
  flush(&w->c); for (int i = 0; i < o.window; i++) expect(&w->c, answers[op][0], answers[op][1]);
  for (int i = 0; i < o.window; i++) close_one(w, i);
  flush(&w->c); for (int i = 0; i < o.window; i++) expect(&w->c, answers[op][0], answers[op][2]);
}
static void *work(void *arg) {
  worker_t *w = arg;
  while (!stopping) {
    uint64_t t = now_us(); int counts = measuring;
    once(w);
    uint64_t n = op == OP_CONNECTION ? 1 : (uint64_t)o.window; w->all += n;
    if (counts && !stopping) { hist_add(w->hist, now_us() - t); w->done += n; }
  }
  return NULL;
}
static void churn(void) {
  while (op < OPS && strcmp(o.op, ops[op])) op++;
  if (op == OPS) die("unknown --op");
  worker_t *workers = calloc((size_t)o.parallel, sizeof *workers);
  pthread_t *threads = calloc((size_t)o.parallel, sizeof *threads);
  conn_t admin = {0}; open_conn(&admin);
  exchange_declare(&admin, exchanges[0], TRANSIENT); exchange_declare(&admin, exchanges[1], DURABLE);
  for (int i = 0; i < o.parallel; i++) {
    worker_t *w = &workers[i]; w->c.id = i; open_conn(&w->c);
    snprintf(w->queue, sizeof w->queue, "churn-%d-%d", getpid(), i);
    queue_declare(&admin, 1, w->queue, DURABLE); flush(&admin); expect(&admin, QUEUE, 11);
  }
  for (int i = 0; i < o.parallel; i++) pthread_create(&threads[i], NULL, work, &workers[i]);
  sleep((unsigned)o.warmup);
  uint64_t begin = now_us(); measuring = 1;
  sleep((unsigned)o.seconds);
  stopping = 1; double seconds = (double)(now_us() - begin) / 1e6;
  uint64_t done = 0, all = 0, hist[BUCKETS] = {0};
  for (int i = 0; i < o.parallel; i++) {
    pthread_join(threads[i], NULL); done += workers[i].done; all += workers[i].all;
    for (int k = 0; k < BUCKETS; k++) hist[k] += workers[i].hist[k];
    queue_delete(&admin, workers[i].queue); flush(&admin); expect(&admin, QUEUE, 41);
  }
  exchange_delete(&admin, exchanges[0]); exchange_delete(&admin, exchanges[1]);
  printf("{\"done\":%lu,\"all\":%lu,\"per_s\":%.0f,\"us\":{\"p50\":%.0f,\"p99\":%.0f}}\n", done, all, (double)done / seconds, hist_pct(hist, .5), hist_pct(hist, .99));
}

/* ---- one connection with many channels: a queue and a consumer on each, then messages to all in turn ---- */
static void many_channels(void) {
  long channels = o.count ? o.count : 2000; char name[64];
  if (channels > CHANNEL_MAX) die("too many channels for one connection");
  conn_t c = {0}; open_conn(&c);
  uint64_t begin = now_us();
  for (int i = 2; i <= channels; i++) open_channel(&c, i);
  flush(&c); for (int i = 2; i <= channels; i++) expect(&c, CHANNEL, 11);
  uint64_t opened = now_us();
  for (int i = 1; i <= channels; i++) {
    snprintf(name, sizeof name, "channel-%d-%d", getpid(), i); queue_declare(&c, i, name, EXCLUSIVE); consume(&c, i, name, "c");
  }
  flush(&c); for (int i = 1; i <= channels; i++) expect(&c, BASIC, 21);
  uint64_t consuming = now_us();
  for (long sent = 0, got = 0; got < o.messages;) {
    for (int i = 0; i < CONFIRM_WINDOW && sent < o.messages; i++, sent++) {
      int channel = (int)(sent % channels) + 1; snprintf(name, sizeof name, "channel-%d-%d", getpid(), channel);
      publish(&c, channel, "", name);
    }
    flush(&c);
    for (; got < sent; got++) expect(&c, BASIC, DELIVER);
  }
  uint64_t end = now_us(); close_conn(&c);
  printf("{\"open_per_s\":%.0f,\"consume_per_s\":%.0f,\"deliver_per_s\":%.0f,\"close_ms\":%.1f}\n", (double)channels * 1e6 / (double)(opened - begin),
         (double)channels * 1e6 / (double)(consuming - opened), (double)o.messages * 1e6 / (double)(end - consuming), (double)(now_us() - end) / 1e3);
}

/* ---- many bindings on one topic exchange: three words, in every tenth pattern one of them a '*' ---- */
static void topic_key(char *key, size_t n, long i, int pattern) {
  if (pattern && i % 10 == 9) snprintf(key, n, "region%ld.*.device%ld", i % 50, i / 50);
  else snprintf(key, n, "region%ld.site%ld.device%ld", i % 50, i % 7, i / 50);
}
static void *discard(void *arg) { method_t m; while (next_method(arg, &m)); return NULL; }
static void topic(void) {
  long bindings = o.count ? o.count : 100000; char queue[64], key[64]; const char *exchange = "churn-topic";
  conn_t c = {0}, consumer = {0}; open_conn(&c); open_conn(&consumer);
  exchange_declare(&c, exchange, TRANSIENT);
  for (int i = 0; i < TOPIC_QUEUES; i++) {
    snprintf(queue, sizeof queue, "topic-%d-%d", getpid(), i); queue_declare(&consumer, 1, queue, TRANSIENT); flush(&consumer); expect(&consumer, QUEUE, 11);
    consume(&consumer, 1, queue, queue); flush(&consumer); expect(&consumer, BASIC, 21);
  }
  uint64_t begin = now_us();
  for (long i = 0, bound = 0; i < bindings; i++) {
    snprintf(queue, sizeof queue, "topic-%d-%ld", getpid(), i % TOPIC_QUEUES); topic_key(key, sizeof key, i, 1); bind_queue(&c, queue, exchange, key);
    if (i - bound + 1 < BIND_BATCH && i + 1 < bindings) continue;
    flush(&c); for (; bound <= i; bound++) expect(&c, QUEUE, 21);
  }
  uint64_t bound = now_us();
  pthread_t reader; pthread_create(&reader, NULL, discard, &consumer);
  enc_t e = method(CONFIRM, 10); e8(&e, 0); call(&c, 1, e, CONFIRM, 11);
  /* RabbitMQ confirms in any order, and one by one or several at once */
  uint8_t *safe = calloc((size_t)o.messages + 1, 1); long below = 1;
  for (long sent = 0, confirmed = 0; confirmed < o.messages;) {
    for (; sent - confirmed < CONFIRM_WINDOW && sent < o.messages; sent++) { topic_key(key, sizeof key, (sent * 7919) % bindings, 0); publish(&c, 1, exchange, key); }
    flush(&c);
    method_t m;
    if (!next_method(&c, &m)) die("the broker closed the connection");
    if (m.cls == BASIC && m.mth == ACK) {
      long tag = (long)g64(m.payload), from = m.payload[8] & 1 ? below : tag;
      for (long i = from; i <= tag; i++) if (!safe[i]) { safe[i] = 1; confirmed++; }
      while (below <= o.messages && safe[below]) below++;
    }
  }
  uint64_t end = now_us();
  exchange_delete(&c, exchange);
  uint64_t deleted = now_us();
  for (int i = 0; i < TOPIC_QUEUES; i++) { snprintf(queue, sizeof queue, "topic-%d-%d", getpid(), i); queue_delete(&c, queue); flush(&c); expect(&c, QUEUE, 41); }
  printf("{\"bind_per_s\":%.0f,\"publish_per_s\":%.0f,\"delete_ms\":%.1f}\n", (double)bindings * 1e6 / (double)(bound - begin),
         (double)o.messages * 1e6 / (double)(end - bound), (double)(deleted - end) / 1e3);
}

static const struct option opts[] = {{"host", 1, 0, 'h'}, {"port", 1, 0, 'p'}, {"op", 1, 0, 'o'}, {"parallel", 1, 0, 'P'}, {"window", 1, 0, 'W'}, {"seconds", 1, 0, 's'},
  {"warmup", 1, 0, 'w'}, {"count", 1, 0, 'n'}, {"messages", 1, 0, 'm'}, {"help", 0, 0, '?'}, {0}};
static void usage(void) {
  puts("churnload [options]\n"
       "  --host A --port N\n"
       "  --op O         opened and closed: connection, channel, queue, durable-queue, binding, durable-binding, consumer;\n"
       "                 many at once: many-channels (on one connection), topic (bindings of one exchange)\n"
       "  --parallel N   connections that do so (8)\n"
       "  --window N     opened on each connection at the same time: all are opened, then all closed (1)\n"
       "  --seconds N    measured time after --warmup N seconds (3, 1)\n"
       "  --count N      channels (2000) or bindings (100000)\n"
       "  --messages N   that are sent through them (100000)");
}
int main(int argc, char **argv) {
  int ch;
  while ((ch = getopt_long(argc, argv, "", opts, 0)) != -1) switch (ch) {
    case 'h': o.host = optarg; break; case 'p': o.port = atoi(optarg); break; case 'o': o.op = optarg; break;
    case 'P': o.parallel = atoi(optarg); break; case 'W': o.window = atoi(optarg); break;
    case 's': o.seconds = atoi(optarg); break; case 'w': o.warmup = atoi(optarg); break;
    case 'n': o.count = atol(optarg); break; case 'm': o.messages = atol(optarg); break;
    default: usage(); return ch == '?' ? 0 : 2;
  }
  if (!strcmp(o.op, "many-channels")) many_channels(); else if (!strcmp(o.op, "topic")) topic(); else churn();
  return 0;
}
