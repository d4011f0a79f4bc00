package dev.berth.fargate;

import dev.berth.Command;
import dev.berth.CreateException;
import dev.berth.Sandbox;
import dev.berth.SandboxException;
import dev.berth.SandboxSpec;
import dev.berth.UnusableException;
import dev.berth.core.guest.Defaults;
import dev.berth.core.guest.GuestSandbox;
import dev.berth.core.guest.Probe;
import dev.berth.core.launch.Launch;
import dev.berth.core.state.FolderRemoval;
import dev.berth.core.state.SandboxFolder;
import dev.berth.core.state.SandboxRecord;
import dev.berth.fargate.ssh.Forward;
import dev.berth.fargate.ssh.Sidecar;
import dev.berth.fargate.ssh.SshTunnel;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.ec2.model.NetworkInterface;
import software.amazon.awssdk.services.ecs.model.ContainerOverride;
import software.amazon.awssdk.services.ecs.model.KeyValuePair;

/** The coming up of one task, step by step, each within what is left of one deadline. */
final class TaskStart {
  /** What this host's jar brings for a task; Fargate's default processor. */
  private static final String ARCHITECTURE = "x86_64";

  private static final Duration AFTER_LIFE = Duration.ofMinutes(1);
  private static final int FIRST_OTHER_PORT = 20000;

  private final Place place;
  private final SandboxFolder folder;
  private final FolderRemoval removal;
  private final SandboxSpec spec;
  private final TaskDefinitions.Content content;
  private final List<String> notices;
  private final Consumer<String> progress;
  private final Duration within;
  private final long deadline;

  /** Whether a task may have been started of which nothing is known here. */
  private final AtomicBoolean open = new AtomicBoolean();

  private @Nullable String arn;
  private @Nullable SshTunnel tunnel;

  TaskStart(
      Place place,
      SandboxFolder folder,
      FolderRemoval removal,
      SandboxSpec spec,
      TaskDefinitions.Content content,
      List<String> notices,
      Consumer<String> progress) {
    this.place = place;
    this.folder = folder;
    this.removal = removal;
    this.spec = spec;
    this.content = content;
    this.notices = notices;
    this.progress = progress;
    this.within =
        spec.readyTimeout() == null ? place.config().startupTimeout() : spec.readyTimeout();
    this.deadline = System.nanoTime() + within.toNanos();
  }

  /** In exec-server mode: with a guest in it. */
  GuestSandbox guest(Defaults defaults) throws InterruptedException {
    boolean handed = false;
    FargateHost host = null;
    try {
      String address = reach(overrides(List.of(), guestCommand()));
      SshTunnel way = open(address, null);
      byte[] token = Sidecar.prepare(way, ARCHITECTURE, Sidecar.newToken());
      int port = Objects.requireNonNull(sidecar().execServerPort());
      folder.write(SandboxRecord.of(folder.id(), FargateProvider.NAME, spec));
      host =
          new FargateHost(
              folder,
              place.tasks(),
              removal,
              Objects.requireNonNull(arn),
              address,
              way,
              way.link(port, token),
              notices);
      handed = true;
      GuestSandbox sandbox = GuestSandbox.create(host, spec, defaults, Probe.NONE, left());
      noteReady(address, sandbox);
      return sandbox;
    } catch (UnusableException e) {
      throw e;
    } catch (CreateException e) {
      throw explained(e, host == null ? null : host.last().orElse(null));
    } finally {
      if (!handed) {
        giveUp();
      }
    }
  }

  /** In agent-server mode: with a server of the image's own in it. */
  AgentSandbox agent(String modelUrl, String variable) throws InterruptedException {
    boolean handed = false;
    try {
      URI model = URI.create(modelUrl);
      Forward reverse = reverse(model);
      String inside = AgentSandbox.resolved(model, reverse.port());
      List<KeyValuePair> env = new ArrayList<>();
      spec.env().forEach((name, value) -> env.add(TaskDefinitions.pair(name, value)));
      env.add(TaskDefinitions.pair(variable, inside));
      String address = reach(overrides(env, spec.entrypoint()));
      Forward agent =
          new Forward(0, "127.0.0.1", Objects.requireNonNull(place.config().containerPort()));
      SshTunnel way = open(address, List.of(agent, reverse));
      if (way.remotePort(reverse) != reverse.port()) {
        throw failed(
            "port "
                + reverse.port()
                + " of the task is taken, by which it was told to"
                + " reach the model");
      }
      folder.write(SandboxRecord.of(folder.id(), FargateProvider.NAME, spec));
      AgentSandbox sandbox =
          new AgentSandbox(
              new FargateHost(
                  folder,
                  place.tasks(),
                  removal,
                  Objects.requireNonNull(arn),
                  address,
                  way,
                  way.link(1, new byte[0]),
                  notices),
              spec,
              agent.hostPort(),
              way.localPort(),
              reverse.port(),
              modelUrl,
              variable);
      handed = true;
      sandbox.awaitRunning(place.tasks(), left());
      noteReady(address, sandbox);
      return sandbox;
    } catch (CreateException e) {
      throw explained(e, null);
    } finally {
      if (!handed) {
        giveUp();
      }
    }
  }

  /** The port that the agent is told before anything listens there: its target's, unless ours. */
  private Forward reverse(URI model) {
    int target = AgentSandbox.port(model);
    boolean taken =
        target < 1024
            || target == sidecar().sshdPort()
            || Integer.valueOf(target).equals(place.config().containerPort());
    String host = Objects.requireNonNull(model.getHost());
    String bare = host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
    return new Forward(taken ? FIRST_OTHER_PORT + target % 10000 : target, bare, target);
  }

  private List<String> guestCommand() {
    List<String> command =
        new ArrayList<>(
            List.of(
                "serve",
                "--tcp",
                "127.0.0.1:" + sidecar().execServerPort(),
                "--token-file",
                Sidecar.TOKEN,
                "--tag",
                folder.id()));
    command.addAll(Launch.limits(spec));
    return command;
  }

  private List<ContainerOverride> overrides(List<KeyValuePair> env, List<String> command) {
    Duration lease = Objects.requireNonNull(spec.lease());
    boolean agent = place.config().agentServer();
    ContainerOverride.Builder main =
        ContainerOverride.builder().name(place.config().containerName());
    if (!env.isEmpty()) {
      main.environment(env);
    }
    if (!command.isEmpty()) {
      main.command(command);
    }
    return List.of(
        main.build(),
        ContainerOverride.builder()
            .name(TaskDefinitions.SIDECAR)
            .environment(
                TaskDefinitions.pair(SidecarScript.TASK, folder.id()),
                seconds(SidecarScript.LIFETIME, lifetime().plus(AFTER_LIFE)),
                seconds(SidecarScript.READY, agent ? Duration.ZERO : within.plus(AFTER_LIFE)),
                seconds(
                    SidecarScript.LEASE,
                    agent && !lease.equals(Command.FOREVER) ? lease : Duration.ZERO))
            .build());
  }

  private Duration lifetime() {
    return Objects.requireNonNull(spec.ttl());
  }

  private static KeyValuePair seconds(String name, Duration duration) {
    return TaskDefinitions.pair(name, "" + duration.toSeconds());
  }

  /** Starts the task and waits until it has an address, which it gives. */
  private String reach(List<ContainerOverride> overrides) throws InterruptedException {
    FargateConfig config = place.config();
    TaskKeys keys = place.keys();
    // Meanwhile ECS takes its time.
    SshTunnel.warmUp(keys.privateKey(), keys.hostKeys());
    note(null, null, false);
    progress.accept("starting a task in " + config.cluster());
    String started = run(overrides);
    arn = started;
    note(started, null, false);
    TaskState state =
        place
            .tasks()
            .watch()
            .await(
                started,
                seen ->
                    seen.over() || seen.address() != null && !seen.status().equals("PROVISIONING"),
                left());
    if (state == null || state.over() || state.address() == null) {
      throw failed(
          state == null
              ? "ECS said nothing of it within " + within
              : state.over() ? state.why() : "it has no address after " + within);
    }
    String address = address(state);
    note(started, address, false);
    progress.accept("task " + started + " has the address " + address);
    return address;
  }

  /** From now on others may connect to it; if that cannot be written down, it ends. */
  private void noteReady(String address, Sandbox sandbox) throws InterruptedException {
    boolean noted = false;
    try {
      note(arn, address, true);
      noted = true;
    } finally {
      if (!noted) {
        sandbox.stop();
      }
    }
  }

  private void note(@Nullable String task, @Nullable String address, boolean ready) {
    new TaskNote(place.aws().region(), place.config().cluster(), task, address, ready)
        .write(folder);
  }

  private String run(List<ContainerOverride> overrides) throws InterruptedException {
    for (int tries = 0; ; tries++) {
      String definition = place.definitions().ensure(content);
      try {
        return place
            .tasks()
            .run(
                new Tasks.Start(
                    folder.id(),
                    definition,
                    overrides,
                    place.tags(folder.id(), spec, folder.home()),
                    open),
                left());
      } catch (Tasks.Inactive e) {
        // Another host has cleared it up between our look and our use.
        place.definitions().forget(definition);
        if (tries > 2) {
          throw new CreateException(
              FargateProvider.NAME,
              folder.id(),
              "Tried to start a task, but its definition "
                  + definition
                  + " was deregistered again and again; see who does that.",
              e);
        }
      }
    }
  }

  private String address(TaskState state) {
    String inside = Objects.requireNonNull(state.address());
    String interfaceId = state.interfaceId();
    if (!Boolean.TRUE.equals(place.config().assignPublicIp()) || interfaceId == null) {
      return inside;
    }
    try {
      List<NetworkInterface> found =
          place
              .aws()
              .ec2()
              .describeNetworkInterfaces(ask -> ask.networkInterfaceIds(interfaceId))
              .networkInterfaces();
      boolean has = !found.isEmpty() && found.get(0).association() != null;
      String outside = has ? found.get(0).association().publicIp() : null;
      if (outside == null) {
        throw failed(
            "its interface "
                + interfaceId
                + " has no public address although"
                + " assign_public_ip is set; are the subnets public?");
      }
      return outside;
    } catch (SdkException e) {
      throw Aws.failed(folder.id(), "find the task's public address", e, "");
    }
  }

  private SshTunnel open(String address, @Nullable List<Forward> agent)
      throws InterruptedException {
    SshSidecarConfig sidecar = sidecar();
    Duration ready = sidecar.sshReadyTimeout();
    SshTunnel.Builder builder =
        way(place, address, Objects.requireNonNull(arn), folder.id())
            .readyWithin(ready.compareTo(left()) < 0 ? ready : left());
    if (agent != null) {
      builder.forward(agent.get(0)).reverse(agent.get(1));
    }
    SshTunnel opened = builder.build();
    tunnel = opened;
    opened.open();
    return opened;
  }

  /** The way to a task of ours, not yet open. */
  static SshTunnel.Builder way(Place place, String address, String arn, String id) {
    TaskKeys keys = place.keys();
    TaskWatch watch = place.tasks().watch();
    SshTunnel.Builder builder =
        SshTunnel.to(address)
            .port(TaskDefinitions.sidecar(place.config()).sshdPort())
            .key(keys.privateKey())
            .task(id)
            .ended(() -> {
              // Asked only while something is wrong.
              watch.suspect(arn);
              TaskState state = watch.latest(arn);
              return state != null && state.over() ? state.why() : null;
            });
    keys.hostKeys().forEach(builder::hostKey);
    return builder;
  }

  private SshSidecarConfig sidecar() {
    return TaskDefinitions.sidecar(place.config());
  }

  private Duration left() {
    return Duration.ofNanos(Math.max(1, deadline - System.nanoTime()));
  }

  private CreateException failed(String why) {
    return new CreateException(
        FargateProvider.NAME,
        folder.id(),
        "Tried to create a Fargate sandbox, but " + why + ".",
        null);
  }

  /** The failure, with the task's own end and last words if it had any. */
  private CreateException explained(CreateException e, @Nullable TaskState seen)
      throws InterruptedException {
    String task = arn;
    if (task == null) {
      return e;
    }
    TaskState last = seen;
    if (last == null || !last.over()) {
      try {
        last = last == null ? place.tasks().ask(task).orElse(null) : last;
      } catch (SandboxException unknown) {
        last = null;
      }
    }
    String message = String.valueOf(e.getMessage());
    String why =
        last != null && last.over() && last.stopReason() != null && !message.contains(last.why())
            ? " Of the task: " + last.why() + "."
            : "";
    String log = LogTail.of(place.config(), place.aws(), task, last != null && last.over());
    return why.isEmpty() && log.isEmpty() && e.sandboxId() != null
        ? e
        : new CreateException(FargateProvider.NAME, folder.id(), message + why + log, e);
  }

  /** Nothing is left of it. */
  private void giveUp() {
    boolean interrupted = Thread.interrupted();
    try {
      SshTunnel opened = tunnel;
      if (opened != null) {
        opened.close();
      }
      String started = arn;
      if (started != null) {
        place.tasks().watch().remove(started);
        FargateHost.end(folder, place.tasks(), removal, started, "The sandbox did not come up");
      } else if (open.get()) {
        FargateHost.end(folder, removal, this::endAll);
      } else {
        folder.delete(removal);
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Ends what ECS may have started without our having had its answer. */
  private void endAll() throws InterruptedException {
    for (TaskState task : place.tasks().of(folder.id())) {
      place.tasks().stop(task.arn(), "The sandbox did not come up");
    }
  }
}
