package dev.berth.services.swerex;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One task of a batch: a row of a file or of SWE-bench.
 *
 * @param id unique in its batch
 * @param problem the problem statement; empty where the row has none
 * @param image what it runs in; null for the deployment template's own
 * @param platform what the image is for, such as {@code linux/amd64}; null where the row does not
 *     say
 * @param repository what it works on; null for none
 * @param fields everything else that the row says, by name; what is no text stands as JSON
 */
public record BatchInstance(
    String id,
    String problem,
    @Nullable String image,
    @Nullable String platform,
    @Nullable Repository repository,
    Map<String, String> fields) {
  /** What SWE-bench's images are for. */
  public static final String SWE_BENCH_PLATFORM = "linux/amd64";

  /** Copies. */
  public BatchInstance {
    fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
  }
}
