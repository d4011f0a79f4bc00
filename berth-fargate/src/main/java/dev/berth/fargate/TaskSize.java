package dev.berth.fargate;

import dev.berth.RequestException;
import dev.berth.SandboxResources;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A size that Fargate has tasks in.
 *
 * @param cpu 1/1024 processors
 * @param memory MiB
 * @param storage GiB of ephemeral storage, 21 to 200; null: the 20 that every task has
 */
record TaskSize(int cpu, int memory, @Nullable Integer storage) {
  private static final int OWN_STORAGE = 20;
  private static final int MOST_STORAGE = 200;

  /** What memory goes with so many processors: "Task size" in the ECS developer guide. */
  private enum Step {
    QUARTER(256, 512, 2048, 0),
    HALF(512, 1024, 4096, 1024),
    ONE(1024, 2048, 8192, 1024),
    TWO(2048, 4096, 16384, 1024),
    FOUR(4096, 8192, 30720, 1024),
    EIGHT(8192, 16384, 61440, 4096),
    SIXTEEN(16384, 32768, 122880, 8192);

    private final int cpu;
    private final int least;
    private final int most;
    private final int step;

    Step(int cpu, int least, int most, int step) {
      this.cpu = cpu;
      this.least = least;
      this.most = most;
      this.step = step;
    }

    boolean allows(int memory) {
      // The smallest size doubles from step to step.
      return memory >= least
          && memory <= most
          && (step == 0 ? Integer.bitCount(memory) == 1 : memory % step == 0);
    }

    String allowed() {
      return step == 0 ? "512, 1024 or 2048" : least + " to " + most + " in steps of " + step;
    }
  }

  /** Checks against Fargate's table. */
  TaskSize {
    check(cpu, memory, storage);
  }

  /** The configured size, with what a spec asks for in its place. */
  static TaskSize of(FargateConfig config, SandboxResources asked) {
    if (asked.gpu() != null && asked.gpu() > 0) {
      throw new RequestException(
          FargateProvider.NAME,
          null,
          "Tried to ask for " + asked.gpu() + " GPUs, but Fargate has none; leave gpu away.",
          null);
    }
    if (asked.gpuType() != null) {
      throw new RequestException(
          FargateProvider.NAME,
          null,
          "Tried to ask for the GPU '"
              + asked.gpuType()
              + "', but Fargate has none; leave gpu_type away.",
          null);
    }
    int cpu = config.cpu();
    if (asked.cpu() != null) {
      double units = asked.cpu() * 1024;
      if (units != Math.rint(units)) {
        throw wrongCpu(asked.cpu() + " processors");
      }
      cpu = (int) units;
    }
    int memory = config.memory();
    if (asked.memoryMib() != null) {
      memory = (int) Math.min(Integer.MAX_VALUE, asked.memoryMib());
    }
    Integer storage = config.ephemeralStorageGib();
    if (asked.diskGib() != null) {
      long gib = asked.diskGib();
      storage = gib <= OWN_STORAGE ? null : (int) Math.min(Integer.MAX_VALUE, gib);
    }
    return new TaskSize(cpu, memory, storage);
  }

  static void check(int cpu, int memory, @Nullable Integer storage) {
    Step found = null;
    for (Step step : Step.values()) {
      if (step.cpu == cpu) {
        found = step;
      }
    }
    if (found == null) {
      throw wrongCpu(cpu + " (in 1/1024 processors)");
    }
    if (!found.allows(memory)) {
      throw new RequestException(
          FargateProvider.NAME,
          null,
          "Tried to ask Fargate for a memory of "
              + memory
              + " MiB with a cpu of "
              + cpu
              + "; with that cpu it has "
              + found.allowed()
              + " MiB.",
          null);
    }
    if (storage != null && (storage <= OWN_STORAGE || storage > MOST_STORAGE)) {
      throw new RequestException(
          FargateProvider.NAME,
          null,
          "Tried to ask Fargate for "
              + storage
              + " GiB of ephemeral storage (disk); it has 21 to 200, or 20 where nothing is said.",
          null);
    }
  }

  private static RequestException wrongCpu(String asked) {
    List<String> all = new ArrayList<>();
    for (Step step : Step.values()) {
      all.add(step.cpu + " (memory " + step.allowed() + ")");
    }
    return new RequestException(
        FargateProvider.NAME,
        null,
        "Tried to ask Fargate for a cpu of " + asked + "; it has " + String.join("; ", all) + ".",
        null);
  }
}
