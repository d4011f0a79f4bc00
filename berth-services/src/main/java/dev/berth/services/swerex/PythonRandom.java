package dev.berth.services.swerex;

import java.util.Collections;
import java.util.List;

/**
 * The random numbers of Python's {@code random.seed(42)}: a Mersenne Twister (MT19937, Matsumoto
 * and Nishimura 1998). What a person has shuffled and sliced with SWE-agent comes out the same
 * here.
 */
final class PythonRandom {
  private static final int N = 624;
  private static final int M = 397;

  private final int[] state = new int[N];
  private int next = N;

  /** Seeded by an array of one word, as Python does with a small number. */
  private PythonRandom(int seed) {
    state[0] = 19650218;
    for (int i = 1; i < N; i++) {
      state[i] = 1812433253 * (state[i - 1] ^ (state[i - 1] >>> 30)) + i;
    }
    int i = 1;
    for (int k = 0; k < N; k++) {
      state[i] = (state[i] ^ (state[i - 1] ^ (state[i - 1] >>> 30)) * 1664525) + seed;
      i = following(i);
    }
    for (int k = 0; k < N - 1; k++) {
      state[i] = (state[i] ^ (state[i - 1] ^ (state[i - 1] >>> 30)) * 1566083941) - i;
      i = following(i);
    }
    state[0] = 0x80000000;
  }

  /** Shuffles as {@code random.seed(42); random.shuffle(list)}. */
  static void shuffle42(List<?> list) {
    PythonRandom random = new PythonRandom(42);
    for (int i = list.size() - 1; i > 0; i--) {
      Collections.swap(list, i, random.below(i + 1));
    }
  }

  private int following(int i) {
    if (i < N - 1) {
      return i + 1;
    }
    state[0] = state[N - 1];
    return 1;
  }

  /** From 0 up to, not including, {@code limit}: as many bits as it has, until they fit. */
  private int below(int limit) {
    int bits = 32 - Integer.numberOfLeadingZeros(limit);
    while (true) {
      int number = word() >>> (32 - bits);
      if (number < limit) {
        return number;
      }
    }
  }

  private int word() {
    if (next == N) {
      for (int k = 0; k < N; k++) {
        int y = (state[k] & 0x80000000) | (state[(k + 1) % N] & 0x7fffffff);
        state[k] = state[(k + M) % N] ^ (y >>> 1) ^ ((y & 1) == 0 ? 0 : 0x9908b0df);
      }
      next = 0;
    }
    int y = state[next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return y ^ (y >>> 18);
  }
}
