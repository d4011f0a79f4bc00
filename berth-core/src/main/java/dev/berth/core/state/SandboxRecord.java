package dev.berth.core.state;

import dev.berth.SandboxSpec;
import dev.berth.core.process.HostProcess;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is noted about a sandbox, for whoever takes hold of it, lists it or clears it away. It holds
 * the values of the spec's {@code env}, which every command gets: it is for this user's eyes alone,
 * and no sandbox sees its folder.
 *
 * @param expires when its time to live ends it; absent for never
 * @param detached whether it was told to outlive its owner
 * @param processes what carries it on this host, known so far
 * @param spec with the text of {@code files} left out: they may be large, and are written by then
 * @param fields what only its provider knows
 */
public record SandboxRecord(
    String id,
    String provider,
    Instant created,
    @Nullable Instant expires,
    boolean detached,
    List<HostProcess> processes,
    SandboxSpec spec,
    Map<String, String> fields) {
  /** Copies. */
  public SandboxRecord {
    processes = List.copyOf(processes);
    fields = Map.copyOf(fields);
  }

  /** A sandbox that begins now. */
  public static SandboxRecord of(String id, String provider, SandboxSpec spec) {
    Instant now = Instant.now();
    Instant expires = spec.ttl() == null ? null : now.plus(spec.ttl());
    return new SandboxRecord(id, provider, now, expires, false, List.of(), spec, Map.of());
  }

  /** With one more process. */
  public SandboxRecord withProcess(HostProcess process) {
    List<HostProcess> all = new ArrayList<>(processes);
    all.add(process);
    return new SandboxRecord(id, provider, created, expires, detached, all, spec, fields);
  }

  /** Detached. */
  public SandboxRecord asDetached() {
    return new SandboxRecord(id, provider, created, expires, true, processes, spec, fields);
  }

  /** With one more field. */
  public SandboxRecord withField(String name, String value) {
    Map<String, String> all = new LinkedHashMap<>(fields);
    all.put(name, value);
    return new SandboxRecord(id, provider, created, expires, detached, processes, spec, all);
  }

  /** Its identity alone. */
  @Override
  public String toString() {
    return "SandboxRecord[" + provider + " " + id + "]";
  }
}
