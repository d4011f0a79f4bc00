package dev.berth.bench;

import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.apptainer.ApptainerConfig;
import dev.berth.apptainer.ApptainerProvider;
import dev.berth.services.swerex.ApptainerDeployment;
import dev.berth.services.swerex.ApptainerDeploymentConfig;
import dev.berth.services.swerex.BashAction;
import dev.berth.services.swerex.ExecuteRequest;
import dev.berth.services.swerex.NativeRuntime;
import dev.berth.services.swerex.ReadFile;
import dev.berth.services.swerex.RemoteRuntime;
import dev.berth.services.swerex.RuntimeServer;
import dev.berth.services.swerex.SessionRequest;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The native runtime beside the real swe-rex server: the same calls, in the same image, interleaved
 * in one run; and Berth's own server of the protocol, with the client that the real one has.
 */
public final class RuntimeBench {
  private static final double CALL_TARGET = 10;
  private static final double MEMORY_TARGET = 20;
  private static final int QUICK_PER_ROUND = 10;
  private static final String NATIVE = "berth, native";
  private static final String SERVED = "berth serve --swe-rex";
  private static final String REAL = "swe-rex server";
  private static final Duration LONG = Duration.ofSeconds(60);
  private static final String FORM = "folder";

  /**
   * A line for each process: its name, and its PSS in KiB; or, where the guest keeps that to
   * itself, its own pages and those of its program, which all of its processes share.
   */
  private static final String MEMORY =
      """
      for d in /proc/[0-9]*; do
        p=${d#/proc/} pss= own=0 program=0
        case $p in 1|$$|$PPID) continue;; esac
        while read -r name value unit; do
          case $name in Pss:) pss=$value;; esac
        done <$d/smaps_rollup
        while read -r name value unit; do
          case $name in RssAnon:) own=$value;; RssFile:) program=$value;; esac
        done <$d/status
        [ -z "$pss" ] || own=$pss program=0
        read -r name <$d/comm && echo "$own $program $name"
      done 2>/dev/null
      """;

  private final int warmUp;
  private final int rounds;
  private final List<Measurement> measurements = new ArrayList<>();

  private RuntimeBench(boolean quick) {
    this.warmUp = quick ? 10 : 40;
    this.rounds = quick ? 15 : 100;
  }

  /**
   * Measures, and prints the report on {@code out} and what it is doing on {@code progress}. A
   * target that is missed is reported, not an error.
   *
   * @param image an unpacked image with the swe-rex server in it
   * @param json whether the report is one JSON document instead of a table
   * @param quick fewer samples: half a minute instead of two
   * @param binPath the folder that holds {@code apptainer}; absent to look for it
   */
  public static void run(
      Path image,
      boolean json,
      boolean quick,
      @Nullable Path binPath,
      PrintStream out,
      PrintStream progress)
      throws InterruptedException {
    if (!Files.isExecutable(image.resolve("bin/sh"))) {
      throw new RequestException(
          "Tried to measure swe-rex with "
              + image
              + ", but that is no unpacked image; setup/swerex-image.sh DIR builds one.");
    }
    Path apptainer = Prerequisites.apptainer(binPath);
    ApptainerConfig config =
        ApptainerConfig.defaults().withBinPath(Prerequisites.parent(apptainer));
    Machine machine = Machine.here(Prerequisites.version(apptainer), Machine.isRoot());
    long start = System.nanoTime();
    RuntimeBench bench = new RuntimeBench(quick);
    progress.println("berth: starting the swe-rex server and a sandbox");
    String key = RuntimeServer.newKey();
    try (ApptainerDeployment deployment =
            new ApptainerDeployment(ApptainerDeploymentConfig.of(image.toString()), config);
        ApptainerProvider provider = new ApptainerProvider(config);
        Sandbox sandbox = provider.create(SandboxSpec.of(image.toString()));
        NativeRuntime own = new NativeRuntime(sandbox);
        RuntimeServer server = RuntimeServer.start(own, "127.0.0.1", 0, key);
        RemoteRuntime served = new RemoteRuntime(server.url(), key)) {
      deployment.start();
      RemoteRuntime real = deployment.runtime();
      bench.calls(own, served, real, progress);
      bench.memory(sandbox, deployment.service().sandbox());
    }
    Result result =
        new Result(
            machine,
            quick,
            "not counted: " + bench.warmUp * QUICK_PER_ROUND + " of each quick call",
            bench.measurements,
            null,
            (System.nanoTime() - start) / 1e9);
    out.println(json ? JsonReport.of(result) : TextReport.of(result));
    out.flush();
  }

  /** One call of a runtime, for each of those there are. */
  private interface Call {
    void make(dev.berth.services.swerex.Runtime runtime) throws InterruptedException;
  }

  private void calls(NativeRuntime own, RemoteRuntime served, RemoteRuntime real, PrintStream say)
      throws InterruptedException {
    SessionRequest session = new SessionRequest("bench", List.of(), LONG);
    own.createSession(session);
    real.createSession(session);
    ExecuteRequest nothing = ExecuteRequest.of("true");
    BashAction echo = BashAction.of("echo hi").in("bench").within(LONG);
    String text = "x".repeat(Plan.SMALL_BYTES);
    measure("execute true", rounds, runtime -> runtime.execute(nothing), own, served, real, say);
    measure(
        "run_in_session echo hi",
        rounds,
        runtime -> runtime.runInSession(echo),
        own,
        served,
        real,
        say);
    measure(
        "write_file 1 KiB",
        rounds,
        runtime -> runtime.writeFile("/tmp/bench", text),
        own,
        served,
        real,
        say);
    ReadFile file = ReadFile.of("/tmp/bench");
    measure("read_file 1 KiB", rounds, runtime -> runtime.readFile(file), own, served, real, say);
    SessionRequest other = new SessionRequest("other", List.of(), LONG);
    measure(
        "create and close a session",
        Math.max(5, rounds / 10),
        runtime -> {
          runtime.createSession(other);
          runtime.closeSession("other");
        },
        own,
        served,
        real,
        say);
  }

  private void measure(
      String name,
      int howOften,
      Call call,
      NativeRuntime own,
      RemoteRuntime served,
      RemoteRuntime real,
      PrintStream say)
      throws InterruptedException {
    say.println("berth: measuring " + name);
    Map<String, Samples> samples =
        Rounds.run(
            Math.min(warmUp, howOften),
            howOften,
            List.of(
                new Rounds.Part(NATIVE, QUICK_PER_ROUND, () -> call.make(own)),
                new Rounds.Part(SERVED, QUICK_PER_ROUND, () -> call.make(served)),
                new Rounds.Part(REAL, 1, () -> call.make(real))));
    Samples quick = samples.getOrDefault(NATIVE, new Samples());
    Samples theirs = samples.getOrDefault(REAL, new Samples());
    Samples between = samples.getOrDefault(SERVED, new Samples());
    boolean aimed = name.startsWith("execute") || name.startsWith("run_in_session");
    measurements.add(
        new Measurement(
            name,
            FORM,
            "ms",
            List.of(Figure.of(NATIVE, quick), Figure.of(SERVED, between), Figure.of(REAL, theirs)),
            List.of(
                Comparison.ofTimes(REAL, quick, theirs, aimed ? CALL_TARGET : 0),
                Comparison.ofTimes(REAL + ", by the same client", between, theirs, 0))));
  }

  /** What there is for one session: the guest, its helpers and the shell, or server and shell. */
  private void memory(Sandbox own, Sandbox real) throws InterruptedException {
    memory(
        "memory of the runtime alone",
        kib(own, name -> !name.startsWith("bash")),
        kib(real, name -> name.startsWith("python")),
        0);
    memory(
        "memory with the shell of a session",
        kib(own, name -> true),
        kib(real, name -> name.startsWith("python") || name.startsWith("bash")),
        MEMORY_TARGET);
  }

  private void memory(String name, double own, double real, double target) {
    Samples quick = new Samples();
    quick.add(own);
    Samples theirs = new Samples();
    theirs.add(real);
    measurements.add(
        new Measurement(
            name,
            FORM,
            "KiB",
            List.of(Figure.of(NATIVE, quick), Figure.of(REAL, theirs)),
            List.of(Comparison.ofTimes(REAL, quick, theirs, target))));
  }

  private static double kib(Sandbox sandbox, Predicate<String> counted)
      throws InterruptedException {
    double own = 0;
    double program = 0;
    for (String line : sandbox.exec(MEMORY).orThrow().stdout().lines().toList()) {
      String[] words = line.split(" ", 3);
      if (words.length == 3 && counted.test(words[2])) {
        own += Long.parseLong(words[0]);
        program = Math.max(program, Long.parseLong(words[1]));
      }
    }
    return own + program;
  }
}
