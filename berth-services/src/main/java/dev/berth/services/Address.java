package dev.berth.services;

import dev.berth.RequestException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.regex.Pattern;

/**
 * An address to listen on.
 *
 * @param text as it was given, but {@code localhost} is 127.0.0.1
 */
record Address(String text, InetAddress value) {
  /** Looks like an address, so that no name is looked up. */
  private static final Pattern LITERAL =
      Pattern.compile("\\d{1,3}(\\.\\d{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*");

  static Address of(String host) {
    String text = host.equals("localhost") ? "127.0.0.1" : host;
    if (LITERAL.matcher(text).matches()) {
      try {
        return new Address(text, InetAddress.getByName(text));
      } catch (UnknownHostException e) {
        // Said below.
      }
    }
    throw new RequestException(
        "Tried to serve on '"
            + host
            + "'; it must be an IP address: 127.0.0.1 for this host alone, 0.0.0.0 for everybody.");
  }

  /** What a client on this host connects to, as it stands in a URL. */
  String reached() {
    String at = value.isAnyLocalAddress() ? (isSix() ? "::1" : "127.0.0.1") : text;
    return isSix() ? "[" + at + "]" : at;
  }

  boolean isSix() {
    return value instanceof java.net.Inet6Address;
  }
}
