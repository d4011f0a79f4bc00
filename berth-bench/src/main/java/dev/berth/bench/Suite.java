package dev.berth.bench;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** The measures, one after the other, each with all contenders in turn. Not thread-safe. */
final class Suite {
  /** The least ratios wanted against one process per operation. */
  record Targets(
      double exec, double crowd, double create, double stop, double small, double large) {}

  static final Targets SIF_TARGETS = new Targets(40, 40, 2.5, 20, 40, 5);
  static final Targets FOLDER_TARGETS = new Targets(60, 100, 4, 20, 40, 5);

  private static final double BARE_HOST_TARGET = 1;
  private static final String BARE_HOST = "ProcessBuilder on the host";
  private static final String ONE_SHOT = "apptainer exec IMAGE";
  private static final List<String> TRUE = List.of("sh", "-c", "true");
  private static final String MILLIS = "ms";
  private static final long SEED = 42;

  private final Plan plan;
  private final BerthContender berth;
  private final ProcessContender peer;
  private final Path scratch;
  private final PrintStream progress;
  private final List<Measurement> measurements = new ArrayList<>();

  Suite(
      Plan plan, BerthContender berth, ProcessContender peer, Path scratch, PrintStream progress) {
    this.plan = plan;
    this.berth = berth;
    this.peer = peer;
    this.scratch = scratch;
    this.progress = progress;
  }

  List<Measurement> measurements() {
    return List.copyOf(measurements);
  }

  String warmUp() {
    return "not counted: "
        + plan.warmUp() * plan.perRound()
        + " commands of each quick contender and "
        + Math.max(2, plan.warmUp() / 10)
        + " of each slow one before exec, a tenth of a round before the callers, one create and stop, two to five transfers each way";
  }

  /** All measures on one form of the image. */
  void measure(String form, Path image, Targets targets) throws InterruptedException {
    Box own = berth.create(image);
    try {
      Box theirs = peer.create(image);
      try {
        exec(form, image, own, theirs, targets);
        transfers(form, own, theirs, targets);
      } finally {
        theirs.stop();
      }
    } finally {
      own.stop();
    }
    crowd(form, image, targets);
    life(form, image, targets);
  }

  /** Many sandboxes alive. */
  Alive alive(Path image) throws InterruptedException {
    say(plan.alive() + " sandboxes alive");
    return AliveMeasure.run(berth, image, plan.alive());
  }

  private void exec(String form, Path image, Box own, Box theirs, Targets targets)
      throws InterruptedException {
    say("exec true, " + form);
    Map<String, Samples> samples =
        Rounds.run(
            plan.warmUp(),
            plan.execRounds(),
            List.of(
                new Rounds.Part(berth.name(), plan.perRound(), own::runTrue),
                new Rounds.Part(peer.name(), 1, theirs::runTrue),
                new Rounds.Part(BARE_HOST, plan.perRound(), Suite::onHost),
                new Rounds.Part(ONE_SHOT, 1, () -> peer.runOnce(image))));
    record("exec true", form, samples, List.of(targets.exec(), BARE_HOST_TARGET, 0.0));
  }

  private static void onHost() throws InterruptedException {
    HostProcessCall.run(TRUE, Map.of());
  }

  private void crowd(String form, Path image, Targets targets) throws InterruptedException {
    say(Plan.CALLERS + " callers on " + Plan.SHARED_SANDBOXES + " sandboxes, " + form);
    Samples own = new Samples();
    Samples theirs = new Samples();
    Samples host = new Samples();
    try (Crowd ownCrowd = Crowd.of(berth, image, Plan.SHARED_SANDBOXES);
        Crowd theirCrowd = Crowd.of(peer, image, Plan.SHARED_SANDBOXES)) {
      ownCrowd.perSecond(plan.crowdCommands() / 2);
      theirCrowd.perSecond(Math.max(Plan.CALLERS, plan.crowdPeerCommands() / 10));
      for (int round = 0; round < plan.crowdRounds(); round++) {
        own.add(ownCrowd.perSecond(plan.crowdCommands()));
        theirs.add(theirCrowd.perSecond(plan.crowdPeerCommands()));
        host.add(Crowd.perSecond(plan.crowdCommands() / 4, caller -> Suite::onHost));
      }
    }
    measurements.add(
        new Measurement(
            Plan.CALLERS + " callers on " + Plan.SHARED_SANDBOXES + " sandboxes",
            form,
            "1/s",
            List.of(
                Figure.of(berth.name(), own),
                Figure.of(peer.name(), theirs),
                Figure.of(BARE_HOST, host)),
            List.of(
                Comparison.ofRates(peer.name(), own, theirs, targets.crowd()),
                Comparison.ofRates(BARE_HOST, own, host, 0))));
  }

  private void life(String form, Path image, Targets targets) throws InterruptedException {
    say("create and stop, " + form);
    Map<String, Samples> created = Map.of(berth.name(), new Samples(), peer.name(), new Samples());
    Map<String, Samples> stopped = Map.of(berth.name(), new Samples(), peer.name(), new Samples());
    for (int round = -1; round < plan.lifeRounds(); round++) {
      List<Contender> order = round % 2 == 0 ? List.of(berth, peer) : List.of(peer, berth);
      for (Contender contender : order) {
        Box[] box = new Box[1];
        double create =
            Rounds.millis(() -> {
              box[0] = contender.create(image);
              box[0].runTrue();
            });
        double stop = Rounds.millis(() -> box[0].stop());
        if (round >= 0) {
          add(created, contender, create);
          add(stopped, contender, stop);
        }
      }
    }
    record("create to first result", form, created, List.of(targets.create()));
    record("stop", form, stopped, List.of(targets.stop()));
  }

  private static void add(Map<String, Samples> all, Contender contender, double millis) {
    Samples samples = all.get(contender.name());
    if (samples != null) {
      samples.add(millis);
    }
  }

  private void transfers(String form, Box own, Box theirs, Targets targets)
      throws InterruptedException {
    transfer("1 KiB", Plan.SMALL_BYTES, plan.smallRounds(), 5, form, own, theirs, targets.small());
    transfer(
        "100 MiB", Plan.LARGE_BYTES, plan.largeRounds(), 1, form, own, theirs, targets.large());
  }

  /**
   * To and from a folder that is no mount of the contenders' own making. The host's file and what
   * it becomes are in the page cache, as they are in use.
   */
  private void transfer(
      String size,
      int bytes,
      int rounds,
      int perRound,
      String form,
      Box own,
      Box theirs,
      double target)
      throws InterruptedException {
    say(size + " up and down, " + form);
    Path local = file(size.replace(" ", ""), bytes);
    Path back = scratch.resolve("back");
    String ownRemote = remote("own");
    String theirRemote = remote("their");
    Map<String, Samples> up =
        Rounds.run(
            1,
            rounds,
            List.of(
                new Rounds.Part(
                    berth.name(),
                    perRound,
                    () -> own.upload(local, ownRemote),
                    () -> own.run("rm " + ownRemote)),
                new Rounds.Part(
                    peer.name(),
                    1,
                    () -> theirs.upload(local, theirRemote),
                    () ->
                        theirs.run("rm " + theirRemote + " " + ProcessContender.STAGING + "/*"))));
    record("upload " + size, form, up, List.of(target));
    own.upload(local, ownRemote);
    theirs.upload(local, theirRemote);
    Map<String, Samples> down =
        Rounds.run(
            1,
            rounds,
            List.of(
                new Rounds.Part(
                    berth.name(),
                    perRound,
                    () -> own.download(ownRemote, back),
                    () -> checkAndDelete(local, back)),
                new Rounds.Part(
                    peer.name(),
                    1,
                    () -> theirs.download(theirRemote, back),
                    () -> {
                      checkAndDelete(local, back);
                      theirs.run("rm " + ProcessContender.STAGING + "/*");
                    })));
    record("download " + size, form, down, List.of(target));
    own.run("rm " + ownRemote);
    theirs.run("rm " + theirRemote);
  }

  private String remote(String whose) {
    // /tmp is in every image, and writable for every user of it.
    return "/tmp/" + scratch.getFileName() + "-" + whose;
  }

  private Path file(String name, int bytes) {
    try {
      byte[] content = new byte[bytes];
      new Random(SEED).nextBytes(content);
      return Files.write(scratch.resolve(name), content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void checkAndDelete(Path wanted, Path got) {
    try {
      if (Files.mismatch(wanted, got) != -1) {
        throw new IllegalStateException(
            "Tried to copy "
                + wanted.getFileName()
                + " there and back, but it came back different.");
      }
      Files.delete(got);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Times; the targets are for the contenders after Berth, in their order. */
  private void record(
      String name, String form, Map<String, Samples> samples, List<Double> targets) {
    List<Figure> figures = new ArrayList<>();
    List<Comparison> comparisons = new ArrayList<>();
    Samples own = samples.getOrDefault(berth.name(), new Samples());
    figures.add(Figure.of(berth.name(), own));
    int next = 0;
    for (Map.Entry<String, Samples> entry : samples.entrySet()) {
      if (!entry.getKey().equals(berth.name())) {
        figures.add(Figure.of(entry.getKey(), entry.getValue()));
        comparisons.add(
            Comparison.ofTimes(entry.getKey(), own, entry.getValue(), targets.get(next++)));
      }
    }
    measurements.add(new Measurement(name, form, MILLIS, figures, comparisons));
  }

  private void say(String what) {
    progress.println("berth: measuring " + what);
  }
}
