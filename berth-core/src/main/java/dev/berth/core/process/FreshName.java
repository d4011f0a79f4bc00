package dev.berth.core.process;

import java.io.FileInputStream;
import java.io.IOException;
import java.security.SecureRandom;

/**
 * Random names of letters and digits, 5 bits each. From the kernel directly: {@link SecureRandom}
 * loads classes for 10 ms first, which every start of the CLI would pay.
 */
public final class FreshName {
  /** What the names are made of. */
  public static final String ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

  private FreshName() {}

  /** A name that nobody else has if it is long enough: 12 are 60 bits. */
  public static String of(int length) {
    byte[] random = new byte[length];
    try (FileInputStream in = new FileInputStream("/dev/urandom")) {
      if (in.readNBytes(random, 0, length) < length) {
        throw new IOException("/dev/urandom ended");
      }
    } catch (IOException e) {
      new SecureRandom().nextBytes(random);
    }
    StringBuilder name = new StringBuilder(length);
    for (byte one : random) {
      name.append(ALPHABET.charAt(one & 31));
    }
    return name.toString();
  }
}
