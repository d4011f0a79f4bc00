package dev.berth.fargate.ssh;

import dev.berth.CreateException;
import dev.berth.core.process.GuestBinary;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;

/**
 * What is done in a task's sidecar by its shell: the guest and its token are put on the volume that
 * the sidecar shares with the main container, which starts when they are there. Needs {@code sh},
 * {@code cat}, {@code wc}, {@code mkdir}, {@code chmod} and {@code mv} in the sidecar, and nothing
 * in the main container.
 */
public final class Sidecar {
  /** Where the volume is mounted, in the sidecar and in the main container. */
  public static final String VOLUME = "/berth";

  /** The guest's program on the volume: the main container's entry point. */
  public static final String GUEST = VOLUME + "/guest";

  /** The guest's token on the volume, which it reads and deletes at its start. */
  public static final String TOKEN = VOLUME + "/token";

  private static final Duration WITHIN = Duration.ofSeconds(30);
  private static final SecureRandom RANDOM = new SecureRandom();

  private Sidecar() {}

  /** A token for one task's guest. */
  public static byte[] newToken() {
    byte[] random = new byte[32];
    RANDOM.nextBytes(random);
    return Base64.getUrlEncoder().withoutPadding().encode(random);
  }

  /**
   * Puts the guest in place, and keeps its token where only the sidecar's root reads it, so that
   * {@link #token} can give it to another host. A second call changes nothing but gives the token
   * that there is.
   *
   * @param architecture the task's processor, {@code x86_64} or {@code aarch64}
   * @return the token that holds
   */
  public static byte[] prepare(SshTunnel tunnel, String architecture, byte[] token)
      throws InterruptedException {
    return prepare(tunnel, "/run/berth", VOLUME, GuestBinary.program(architecture), token);
  }

  static byte[] prepare(SshTunnel tunnel, String own, String volume, byte[] program, byte[] token)
      throws InterruptedException {
    // read takes no more than its line from a pipe; printf and read are the shell's own, so that
    // the token is on no command line. A program that was cut off on its way is not taken. Each
    // program that the shell starts costs a millisecond or two before the guest can start.
    String script =
        """
        umask 077; set -e; own=%1$s; volume=%2$s; next=$volume/.guest.$$
        IFS= read -r token
        [ -d "$own" ] || mkdir -p "$own"
        : >"$next"; chmod 755 "$next" &
        cat >"$next"
        wait $!
        [ "$(wc -c <"$next")" -eq %3$d ]
        (set -C; printf %%s "$token" >"$own/token") 2>/dev/null || :
        IFS= read -r held <"$own/token" || :
        if [ -e "$own/prepared" ]; then
          rm -f "$next"
        else
          printf %%s "$held" >"$volume/token"
          mv "$next" "$volume/guest"
          : >"$own/prepared"
        fi
        printf %%s "$held"
        """
            .formatted(quote(own), quote(volume), program.length);
    ByteArrayOutputStream input = new ByteArrayOutputStream(program.length + 128);
    input.writeBytes(token);
    input.write('\n');
    input.writeBytes(program);
    return ask(tunnel, "put the guest into its volume", script, input.toByteArray());
  }

  /** The token of a task whose guest another host has put in place. */
  public static byte[] token(SshTunnel tunnel) throws InterruptedException {
    return ask(tunnel, "read its guest's token", "cat /run/berth/token", new byte[0]);
  }

  private static byte[] ask(SshTunnel tunnel, String tried, String script, byte[] input)
      throws InterruptedException {
    String why;
    try {
      SshConnection.Said said = tunnel.connection(WITHIN).run(script, input, WITHIN);
      byte[] token = said.text().getBytes(StandardCharsets.US_ASCII);
      if (said.code() == 0 && token.length > 0 && token.length <= 64) {
        return token;
      }
      why = said.failure();
    } catch (IOException e) {
      why = String.valueOf(e.getMessage());
    }
    throw new CreateException(
        "ecs_fargate",
        null,
        "Tried to have a task's sidecar " + tried + ", but " + why + ".",
        null);
  }

  private static String quote(String text) {
    return "'" + text.replace("'", "'\\''") + "'";
  }
}
