package dev.berth.core.guest;

import dev.berth.Command;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a sandbox's commands take where they say nothing.
 *
 * @param timeout of {@code exec} and {@code start}; {@link Command#FOREVER} for none
 * @param user null for the guest's own
 * @param directory null for the guest's own
 * @param env set over the guest's environment, under the command's
 */
public record Defaults(
    Duration timeout, @Nullable String user, @Nullable String directory, Map<String, String> env) {
  /** Three minutes, and all else as the guest has it. */
  public static final Defaults NONE = new Defaults(Duration.ofMinutes(3), null, null, Map.of());

  /** Copies the variables, in their order. */
  public Defaults {
    env = Collections.unmodifiableMap(new LinkedHashMap<>(env));
  }

  /** The same with more variables, which win. */
  Defaults with(Map<String, String> more) {
    Map<String, String> all = new LinkedHashMap<>(env);
    all.putAll(more);
    return new Defaults(timeout, user, directory, all);
  }
}
