package dev.berth.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * The report for programs: one document, whose names stay. Times in milliseconds, memory in KiB.
 */
final class JsonReport {
  private JsonReport() {}

  static String of(Result result) {
    Map<String, @Nullable Object> document = new LinkedHashMap<>();
    document.put("machine", result.machine());
    document.put("quick", result.quick());
    document.put("seconds", result.seconds());
    document.put("warm_up", result.warmUp());
    document.put(
        "measurements", result.measurements().stream().map(JsonReport::measurement).toList());
    Alive alive = result.alive();
    document.put("alive", alive == null ? null : alive(alive));
    return JsonMapper.builder()
        .enable(SerializationFeature.INDENT_OUTPUT)
        .build()
        .writeValueAsString(document);
  }

  private static Map<String, Object> measurement(Measurement measurement) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("name", measurement.name());
    object.put("image", measurement.image());
    object.put("unit", measurement.unit());
    object.put("figures", measurement.figures());
    List<Map<String, @Nullable Object>> comparisons = new ArrayList<>();
    for (Comparison comparison : measurement.comparisons()) {
      Map<String, @Nullable Object> one = new LinkedHashMap<>();
      one.put("against", comparison.against());
      one.put("ratio", comparison.ratio());
      one.put("p10", comparison.low());
      one.put("p90", comparison.high());
      one.put("target", comparison.hasTarget() ? comparison.target() : null);
      one.put("reached", comparison.hasTarget() ? comparison.reached() : null);
      comparisons.add(one);
    }
    object.put("comparisons", comparisons);
    return object;
  }

  private static Map<String, Object> alive(Alive alive) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("sandboxes", alive.sandboxes());
    object.put("guest_kib", alive.guestKib());
    object.put("guest_processes", alive.guestProcesses());
    object.put("heap_kib", alive.heapKib());
    object.put("direct_kib", alive.directKib());
    object.put("jvm_rss_kib", alive.residentKib());
    object.put("total_kib", alive.totalKib());
    object.put("target_kib", Alive.TARGET_KIB);
    object.put("memory_reached", alive.memoryReached());
    object.put("apptainer_kib", alive.apptainerKib());
    object.put("threads_before", alive.threadsBefore());
    object.put("threads_alive", alive.threadsAlive());
    object.put("threads_reached", alive.threadsReached());
    return object;
  }
}
