/* What the load generators for AMQP 0-9-1 have in common: the clock, encoding and decoding, histograms of times. */
#ifndef WIRE_H
#define WIRE_H
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

static uint64_t now_us(void) {
  struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/* ---- latency histograms: microseconds, ~1.5 % wide buckets ---- */
#define BUCKETS 2048
static inline void hist_add(uint64_t *h, uint64_t us) {
  int b = us < 1 ? 0 : (int)(log2((double)us) * 48.0) + 1;
  h[b >= BUCKETS ? BUCKETS - 1 : b]++;
}
static inline double hist_pct(uint64_t *h, double p) {
  uint64_t total = 0, seen = 0;
  for (int i = 0; i < BUCKETS; i++) total += h[i];
  if (!total) return -1;
  for (int i = 0; i < BUCKETS; i++) {
    seen += h[i];
    if ((double)seen >= p * (double)total) return i == 0 ? 0 : exp2((i - 0.5) / 48.0);
  }
  return -1;
}

/* ---- encoding ---- */
typedef struct { uint8_t b[4096]; size_t n; } enc_t;
static inline void e8(enc_t *e, int v) { e->b[e->n++] = (uint8_t)v; }
static inline void e16(enc_t *e, int v) { e8(e, v >> 8); e8(e, v); }
static inline void e32(enc_t *e, uint32_t v) { e16(e, (int)(v >> 16)); e16(e, (int)(v & 0xffff)); }
static inline void e64(enc_t *e, uint64_t v) { e32(e, (uint32_t)(v >> 32)); e32(e, (uint32_t)v); }
static inline void eshort(enc_t *e, const char *s) { size_t l = strlen(s); e8(e, (int)l); memcpy(e->b + e->n, s, l); e->n += l; }
static inline void elong(enc_t *e, const char *s, size_t l) { e32(e, (uint32_t)l); memcpy(e->b + e->n, s, l); e->n += l; }

/* ---- decoding ---- */
static inline uint32_t g32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }
static inline uint64_t g64(const uint8_t *p) { return (uint64_t)g32(p) << 32 | g32(p + 4); }
#endif
