/* Proof of the token without saying it: HMAC-SHA256 (FIPS 180-4, RFC 2104). See "Proof" in PROTOCOL.md. */
#include "guest.h"

#include <string.h>

enum { BLOCK = 64 };

struct sha256 {
  uint32_t state[8];
  uint64_t length;
  uint8_t block[BLOCK];
};

static const uint32_t rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t x, int by) { return x >> by | x << (32 - by); }

static void mix(struct sha256 *h) {
  uint32_t w[64], v[8];
  for (int i = 0; i < 16; i++)
    w[i] = (uint32_t)h->block[4 * i] << 24 | (uint32_t)h->block[4 * i + 1] << 16 | (uint32_t)h->block[4 * i + 2] << 8 | h->block[4 * i + 3];
  for (int i = 16; i < 64; i++) {
    uint32_t a = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3;
    uint32_t b = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + a + w[i - 7] + b;
  }
  memcpy(v, h->state, sizeof v);
  for (int i = 0; i < 64; i++) {
    uint32_t a = v[7] + (turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + rounds[i] + w[i];
    uint32_t b = (turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
    memmove(v + 1, v, 7 * sizeof *v);
    v[4] += a;
    v[0] = a + b;
  }
  for (int i = 0; i < 8; i++) h->state[i] += v[i];
}

static void start(struct sha256 *h) {
  *h = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

static void add(struct sha256 *h, const void *bytes, size_t length) {
  const uint8_t *from = bytes;
  while (length--) {
    h->block[h->length++ % BLOCK] = *from++;
    if (h->length % BLOCK == 0) mix(h);
  }
}

static void finish(struct sha256 *h, uint8_t digest[PROOF_SIZE]) {
  uint8_t bits[8];
  put_int(bits, h->length * 8, 8);
  add(h, "\x80", 1);
  while (h->length % BLOCK != BLOCK - 8) add(h, "", 1);
  add(h, bits, sizeof bits);
  for (int i = 0; i < 8; i++) put_int(digest + 4 * i, h->state[i], 4);
}

static void pad(struct sha256 *h, uint8_t with) {
  uint8_t key[BLOCK] = {0}; /* a token is never longer */
  memcpy(key, settings.token, settings.token_length);
  for (int i = 0; i < BLOCK; i++) key[i] ^= with;
  start(h);
  add(h, key, sizeof key);
}

void proof(const char *who, const uint8_t *nonces, size_t length, uint8_t result[PROOF_SIZE]) {
  struct sha256 h;
  uint8_t inner[PROOF_SIZE];
  pad(&h, 0x36);
  add(&h, who, strlen(who));
  add(&h, nonces, length);
  finish(&h, inner);
  pad(&h, 0x5c);
  add(&h, inner, sizeof inner);
  finish(&h, result);
}
