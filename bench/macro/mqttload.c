/*
 * mqttload: a small, fast load generator for MQTT 3.1.1 brokers.
 *
 * One process, one epoll loop, pre-encoded packets: it costs a broker's machine
 * as little as possible, so what is measured is the broker. The loop is closed:
 * no more than --window deliveries are outstanding, so that no broker has to
 * queue or drop what its subscribers cannot take.
 *
 *   cc -O2 -o mqttload mqttload.c -lm
 *   ./mqttload --port 1883 --publishers 10000 --subscribers 1 --qos 1 --seconds 5
 *
 * Publisher i sends to load/<i>. Subscribers subscribe to load/#: each gets all.
 * Prints one JSON object.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct {
  const char *host, *user, *pass;
  int port, publishers, subscribers, qos, size, seconds, warmup, window, inflight;
} o = {"127.0.0.1", "", "", 1883, 1, 1, 0, 64, 5, 1, 1000, 100};

enum { CONNECT = 1, CONNACK, PUBLISH, PUBACK, SUBSCRIBE = 8, SUBACK };

typedef struct {
  int fd, id, subscriber, ready, want_out, in_turn;
  uint8_t *in; size_t in_len, in_cap;
  uint8_t *out; size_t out_off, out_len, out_cap;
  uint8_t *packet; size_t packet_len, id_off, stamp_off; /* one encoded message */
  uint16_t last_id; int unacked;
} conn_t;

static int ep, measuring;
static uint64_t published, acked, delivered, lost, m_pub, m_ack, m_deliv;
static uint64_t outstanding, last_progress;

/* ---- latency histogram: microseconds, ~1.5 % wide buckets ---- */
#define BUCKETS 2048
static uint64_t hist[BUCKETS];
static void hist_add(uint64_t us) {
  int b = us < 1 ? 0 : (int)(log2((double)us) * 48.0) + 1;
  hist[b >= BUCKETS ? BUCKETS - 1 : b]++;
}
static double hist_pct(double p) {
  uint64_t total = 0, seen = 0;
  for (int i = 0; i < BUCKETS; i++) total += hist[i];
  if (!total) return -1;
  for (int i = 0; i < BUCKETS; i++) {
    seen += hist[i];
    if ((double)seen >= p * (double)total) return i == 0 ? 0 : exp2((i - 0.5) / 48.0);
  }
  return -1;
}

static uint64_t now_us(void) {
  struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}
static void die(const char *what) { fprintf(stderr, "mqttload: %s\n", what); exit(1); }

/* ---- sending ---- */
static void out_raw(conn_t *c, const void *p, size_t n) {
  if (c->out_off == c->out_len) c->out_off = c->out_len = 0;
  if (c->out_len + n > c->out_cap) {
    while (c->out_len + n > c->out_cap) c->out_cap = c->out_cap ? c->out_cap * 2 : 256;
    if (!(c->out = realloc(c->out, c->out_cap))) die("out of memory");
  }
  memcpy(c->out + c->out_len, p, n); c->out_len += n;
}
static void flush_out(conn_t *c) {
  while (c->out_off < c->out_len) {
    ssize_t n = send(c->fd, c->out + c->out_off, c->out_len - c->out_off, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) { if (errno == EAGAIN) break; if (errno == EINTR) continue; die("connection lost while sending"); }
    c->out_off += (size_t)n;
  }
  int want = c->out_off < c->out_len;
  if (want != c->want_out) {
    struct epoll_event ev = {.events = EPOLLIN | (want ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ev); c->want_out = want;
  }
}
static size_t put_text(uint8_t *p, const char *s) {
  size_t l = strlen(s); p[0] = (uint8_t)(l >> 8); p[1] = (uint8_t)l; memcpy(p + 2, s, l); return l + 2;
}
static void out_packet(conn_t *c, int first, const uint8_t *body, size_t n) {
  uint8_t head[5]; size_t k = 0, left = n; head[k++] = (uint8_t)first;
  do { head[k++] = (uint8_t)((left & 127) | (left > 127 ? 128 : 0)); left >>= 7; } while (left);
  out_raw(c, head, k); out_raw(c, body, n);
}
static void send_connect(conn_t *c) {
  uint8_t b[512]; char name[64]; size_t n = put_text(b, "MQTT");
  b[n++] = 4; b[n++] = (uint8_t)(2 | (*o.user ? 0xc0 : 0)); b[n++] = 0; b[n++] = 0;
  snprintf(name, sizeof name, "load-%d-%d", (int)getpid(), c->id);
  n += put_text(b + n, name);
  if (*o.user) { n += put_text(b + n, o.user); n += put_text(b + n, o.pass); }
  out_packet(c, CONNECT << 4, b, n);
}
static void send_subscribe(conn_t *c) {
  uint8_t b[64] = {0, 1}; size_t n = 2 + put_text(b + 2, "load/#");
  b[n++] = (uint8_t)o.qos;
  out_packet(c, SUBSCRIBE << 4 | 2, b, n);
}
static void prepare(conn_t *c) {
  char topic[64]; snprintf(topic, sizeof topic, "load/%d", c->id);
  size_t body = 2 + strlen(topic) + (o.qos ? 2 : 0) + (size_t)o.size, left = body, n = 0;
  c->packet = calloc(1, body + 8);
  c->packet[n++] = (uint8_t)(PUBLISH << 4 | o.qos << 1);
  do { c->packet[n++] = (uint8_t)((left & 127) | (left > 127 ? 128 : 0)); left >>= 7; } while (left);
  n += put_text(c->packet + n, topic);
  c->id_off = n; if (o.qos) n += 2;
  c->stamp_off = n; c->packet_len = n + (size_t)o.size;
}
static void publish(conn_t *c) {
  if (o.qos) {
    if (++c->last_id == 0) c->last_id = 1;
    c->packet[c->id_off] = (uint8_t)(c->last_id >> 8); c->packet[c->id_off + 1] = (uint8_t)c->last_id;
    c->unacked++;
  }
  uint64_t t = now_us(); memcpy(c->packet + c->stamp_off, &t, 8);
  out_raw(c, c->packet, c->packet_len);
  published++; if (measuring) m_pub++;
  outstanding += (uint64_t)(o.subscribers ? o.subscribers : 0);
}

/* ---- receiving ---- */
static void on_packet(conn_t *c, const uint8_t *p, const uint8_t *body, size_t n) {
  switch (p[0] >> 4) {
    case CONNACK:
      if (body[1]) die("the broker refused a connection");
      if (c->subscriber) send_subscribe(c); else c->ready = 1;
      break;
    case SUBACK: if (body[2] == 0x80) die("the broker refused a subscription"); c->ready = 1; break;
    case PUBACK: c->unacked--; acked++; if (measuring) m_ack++; break;
    case PUBLISH: {
      size_t at = 2 + (size_t)(body[0] << 8 | body[1]);
      if (p[0] & 6) { uint8_t ack[4] = {PUBACK << 4, 2, body[at], body[at + 1]}; out_raw(c, ack, 4); at += 2; }
      uint64_t t; memcpy(&t, body + at, 8);
      delivered++; if (outstanding) outstanding--;
      if (measuring) { m_deliv++; hist_add(now_us() - t); }
      (void)n; break;
    }
    default: die("unexpected packet");
  }
}
static void on_input(conn_t *c) {
  static uint8_t chunk[1 << 18];
  ssize_t got = recv(c->fd, chunk, sizeof chunk, MSG_DONTWAIT);
  if (got == 0) die("the broker closed a connection");
  if (got < 0) { if (errno == EAGAIN || errno == EINTR) return; die("connection lost"); }
  uint8_t *p = chunk; size_t len = (size_t)got;
  if (c->in_len) {
    if (c->in_cap < c->in_len + len) { c->in_cap = c->in_len + len; if (!(c->in = realloc(c->in, c->in_cap))) die("out of memory"); }
    memcpy(c->in + c->in_len, chunk, len); c->in_len += len; p = c->in; len = c->in_len;
  }
  size_t at = 0;
  while (len - at >= 2) {
    size_t k = 1, body = 0, shift = 0; int whole = 0;
    while (at + k < len && k < 5) {
      uint8_t b = p[at + k++]; body |= (size_t)(b & 127) << shift; shift += 7;
      if (!(b & 128)) { whole = 1; break; }
    }
    if (!whole || len - at < k + body) break;
    on_packet(c, p + at, p + at + k, body);
    at += k + body;
  }
  size_t rest = len - at;
  if (rest) {
    if (c->in_cap < rest) { c->in_cap = rest; uint8_t *n = malloc(rest); memcpy(n, p + at, rest); free(c->in); c->in = n; }
    else memmove(c->in, p + at, rest);
  }
  c->in_len = rest;
  last_progress = now_us();
  flush_out(c);
}

static conn_t *conns; static int total, turn;
static void dial(conn_t *c, int id) {
  c->id = id; c->subscriber = id >= o.publishers;
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)o.port)};
  inet_pton(AF_INET, o.host, &a.sin_addr);
  if ((c->fd = socket(AF_INET, SOCK_STREAM, 0)) < 0) die("no more sockets");
  int one = 1; setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(c->fd, (struct sockaddr *)&a, sizeof a) < 0) die("cannot connect");
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev);
  send_connect(c); flush_out(c);
  if (!c->subscriber) prepare(c);
}
static void poll_once(int ms) {
  struct epoll_event ev[1024];
  int n = epoll_wait(ep, ev, 1024, ms);
  for (int i = 0; i < n; i++) {
    conn_t *c = ev[i].data.ptr;
    if (ev[i].events & EPOLLOUT) flush_out(c);
    if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_input(c);
  }
}
static void produce(void) {
  uint64_t window = (uint64_t)o.window * (uint64_t)(o.subscribers > 1 ? o.subscribers : 1);
  for (int looked = 0; looked < o.publishers && outstanding < window; looked++) {
    conn_t *c = &conns[turn]; turn = (turn + 1) % o.publishers;
    if (c->want_out) continue;
    int batch = o.publishers == 1 ? o.inflight : 1;
    while (batch-- && outstanding < window && (!o.qos || c->unacked < o.inflight)) publish(c);
    flush_out(c);
  }
  if (outstanding && now_us() - last_progress > 1000000) { lost += outstanding; outstanding = 0; last_progress = now_us(); }
}

int main(int argc, char **argv) {
  static const struct option options[] = {
    {"host", 1, 0, 'h'}, {"port", 1, 0, 'p'}, {"user", 1, 0, 'u'}, {"password", 1, 0, 'P'}, {"publishers", 1, 0, 'n'},
    {"subscribers", 1, 0, 's'}, {"qos", 1, 0, 'q'}, {"size", 1, 0, 'z'}, {"seconds", 1, 0, 't'}, {"warmup", 1, 0, 'w'},
    {"window", 1, 0, 'W'}, {"inflight", 1, 0, 'i'}, {0}};
  for (int k; (k = getopt_long(argc, argv, "", options, 0)) != -1;) switch (k) {
    case 'h': o.host = optarg; break; case 'p': o.port = atoi(optarg); break;
    case 'u': o.user = optarg; break; case 'P': o.pass = optarg; break;
    case 'n': o.publishers = atoi(optarg); break; case 's': o.subscribers = atoi(optarg); break;
    case 'q': o.qos = atoi(optarg); break; case 'z': o.size = atoi(optarg); break;
    case 't': o.seconds = atoi(optarg); break; case 'w': o.warmup = atoi(optarg); break;
    case 'W': o.window = atoi(optarg); break; case 'i': o.inflight = atoi(optarg); break;
    default: return 2;
  }
  if (o.size < 8) o.size = 8;
  struct rlimit limit; getrlimit(RLIMIT_NOFILE, &limit); limit.rlim_cur = limit.rlim_max; setrlimit(RLIMIT_NOFILE, &limit);
  ep = epoll_create1(0); total = o.publishers + o.subscribers;
  conns = calloc((size_t)total, sizeof *conns);
  uint64_t t0 = now_us();
  for (int i = 0; i < total; i++) {
    dial(&conns[i], i);
    /* no more at a time than a backlog holds */
    if (i % 100 == 99 || i == total - 1) for (int all = 0; !all;) {
      poll_once(1000); all = 1;
      for (int j = i - i % 100; j <= i; j++) all &= conns[j].ready;
    }
  }
  double connect_s = (double)(now_us() - t0) / 1e6;
  uint64_t begin = now_us() + (uint64_t)o.warmup * 1000000u, end = begin + (uint64_t)o.seconds * 1000000u;
  last_progress = now_us();
  for (uint64_t t; (t = now_us()) < end;) {
    if (!measuring && t >= begin) measuring = 1;
    produce(); poll_once(outstanding || o.qos ? 1 : 0);
  }
  double s = o.seconds;
  printf("{\"publishers\":%d,\"subscribers\":%d,\"qos\":%d,\"size\":%d,\"connect_per_s\":%.0f,\"publish_per_s\":%.0f,"
         "\"puback_per_s\":%.0f,\"deliver_per_s\":%.0f,\"lost\":%llu,\"latency_us\":{\"p50\":%.0f,\"p99\":%.0f}}\n",
         o.publishers, o.subscribers, o.qos, o.size, total / connect_s, (double)m_pub / s, (double)m_ack / s,
         (double)m_deliv / s, (unsigned long long)lost, hist_pct(0.5), hist_pct(0.99));
  return 0;
}
