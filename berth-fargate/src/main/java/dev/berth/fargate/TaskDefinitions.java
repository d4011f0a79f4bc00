package dev.berth.fargate;

import dev.berth.RequestException;
import dev.berth.Volume;
import dev.berth.fargate.ssh.Sidecar;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.ecs.model.ClientException;
import software.amazon.awssdk.services.ecs.model.Compatibility;
import software.amazon.awssdk.services.ecs.model.ContainerCondition;
import software.amazon.awssdk.services.ecs.model.ContainerDefinition;
import software.amazon.awssdk.services.ecs.model.ContainerDependency;
import software.amazon.awssdk.services.ecs.model.DesiredStatus;
import software.amazon.awssdk.services.ecs.model.EFSTransitEncryption;
import software.amazon.awssdk.services.ecs.model.FirelensConfiguration;
import software.amazon.awssdk.services.ecs.model.KernelCapabilities;
import software.amazon.awssdk.services.ecs.model.KeyValuePair;
import software.amazon.awssdk.services.ecs.model.LinuxParameters;
import software.amazon.awssdk.services.ecs.model.LogConfiguration;
import software.amazon.awssdk.services.ecs.model.LogDriver;
import software.amazon.awssdk.services.ecs.model.MountPoint;
import software.amazon.awssdk.services.ecs.model.NetworkMode;
import software.amazon.awssdk.services.ecs.model.RegisterTaskDefinitionRequest;
import software.amazon.awssdk.services.ecs.model.Secret;
import software.amazon.awssdk.services.ecs.model.Tag;
import software.amazon.awssdk.services.ecs.model.TaskDefinition;
import software.amazon.awssdk.services.ecs.model.TaskDefinitionStatus;

/**
 * The task definitions: one for each content, in a family that is named by the content's hash, so
 * that whoever needs the same finds it. What belongs to one sandbox alone – its times, its name –
 * is no part of it. Thread-safe.
 */
final class TaskDefinitions {
  /** The name of the container that lets us in. */
  static final String SIDECAR = "ssh-sidecar";

  private static final String HOME_VOLUME = "berth";
  private static final String NET_RAW = "NET_RAW";
  private static final String EFS_MOUNT = "/efs";
  private static final Duration YOUNG = Duration.ofHours(1);

  /** How long a base definition is taken to be as it was read. */
  private static final Duration BASE_HOLDS = Duration.ofSeconds(10);

  private final FargateConfig config;
  private final Aws aws;
  // ECS's documented rates, for an account and region, at once and then per second: to register
  // and deregister 20 and 1, to read 50 and 20.
  private final Pace changes = new Pace(15, Duration.ofMillis(1100));
  private final Pace reads = new Pace(20, Duration.ofMillis(60));
  private final ReentrantLock baseLock = new ReentrantLock();
  private @Nullable TaskDefinition base;
  private long baseRead;
  private final Map<String, String> known = new ConcurrentHashMap<>();
  private final Map<String, ReentrantLock> locks = new ConcurrentHashMap<>();

  TaskDefinitions(FargateConfig config, Aws aws) {
    this.config = config;
    this.aws = aws;
  }

  /**
   * What one definition is made of.
   *
   * @param image null: as the base definition has it
   * @param size of the whole task
   */
  record Content(
      @Nullable String image, TaskSize size, List<Volume> volumes, List<String> command) {}

  /** The ARN of a definition with this content; made if there is none. */
  String ensure(Content content) throws InterruptedException {
    RegisterTaskDefinitionRequest request = request(content);
    String family = request.family();
    String arn = known.get(family);
    if (arn != null) {
      return arn;
    }
    ReentrantLock lock = locks.computeIfAbsent(family, key -> new ReentrantLock());
    lock.lockInterruptibly();
    try {
      arn = known.get(family);
      if (arn == null) {
        arn = find(family).map(TaskDefinition::taskDefinitionArn).orElse(null);
      }
      if (arn == null) {
        changes.await();
        arn = aws.ecs().registerTaskDefinition(request).taskDefinition().taskDefinitionArn();
      }
      known.put(family, arn);
      return arn;
    } catch (SdkException e) {
      throw Aws.failed(null, "register the task definition " + family, e, "");
    } finally {
      lock.unlock();
    }
  }

  /** Somebody has deregistered it meanwhile. */
  void forget(String arn) {
    known.values().remove(arn);
  }

  private Optional<TaskDefinition> find(String family) throws InterruptedException {
    reads.await();
    try {
      return Optional.of(
              aws.ecs().describeTaskDefinition(ask -> ask.taskDefinition(family)).taskDefinition())
          .filter(found -> found.status() == TaskDefinitionStatus.ACTIVE);
    } catch (ClientException e) {
      if (EcsTexts.missingDefinition(Aws.reason(e))) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /**
   * Deregisters those of ours that are an hour old and that no task uses. Whoever was about to use
   * one registers it anew.
   */
  List<String> reap() throws InterruptedException {
    List<String> report = new ArrayList<>();
    String prefix = config.taskDefinitionFamilyPrefix() + "-";
    Pattern ours = Pattern.compile(Pattern.quote(prefix) + "[0-9a-f]{48}");
    try {
      for (String family :
          aws.ecs()
              .listTaskDefinitionFamiliesPaginator(ask -> ask.familyPrefix(prefix).status("ACTIVE"))
              .families()) {
        Optional<TaskDefinition> found =
            ours.matcher(family).matches() ? find(family) : Optional.empty();
        if (found.isEmpty() || young(found.get()) || used(family)) {
          continue;
        }
        String arn = found.get().taskDefinitionArn();
        changes.await();
        aws.ecs().deregisterTaskDefinition(ask -> ask.taskDefinition(arn));
        forget(arn);
        report.add(arn + ": deregistered");
      }
    } catch (SdkException e) {
      throw Aws.failed(null, "clear up task definitions", e, "");
    }
    return report;
  }

  private static boolean young(TaskDefinition definition) {
    Instant registered = definition.registeredAt();
    return registered == null || registered.plus(YOUNG).isAfter(Instant.now());
  }

  private boolean used(String family) {
    return !aws.ecs()
        .listTasks(ask ->
            ask.cluster(config.cluster()).family(family).desiredStatus(DesiredStatus.RUNNING))
        .taskArns()
        .isEmpty();
  }

  /** The request for this content, its family named by the hash of all the rest. */
  RegisterTaskDefinitionRequest request(Content content) {
    sidecar(config);
    return request(content, base());
  }

  /** The same, with this for a ground. */
  RegisterTaskDefinitionRequest request(Content content, @Nullable TaskDefinition base) {
    SshSidecarConfig sidecar = sidecar(config);
    RegisterTaskDefinitionRequest.Builder request =
        RegisterTaskDefinitionRequest.builder()
            .networkMode(NetworkMode.AWSVPC)
            .requiresCompatibilities(Compatibility.FARGATE)
            .cpu("" + content.size().cpu())
            .memory("" + content.size().memory());
    Integer storage = content.size().storage();
    if (storage != null) {
      request.ephemeralStorage(disk -> disk.sizeInGiB(storage));
    }
    String execution = or(config.executionRoleArn(), base == null ? null : base.executionRoleArn());
    String task = or(config.taskRoleArn(), base == null ? null : base.taskRoleArn());
    request.executionRoleArn(execution).taskRoleArn(task);
    List<software.amazon.awssdk.services.ecs.model.Volume> volumes = new ArrayList<>();
    List<ContainerDefinition> containers = new ArrayList<>();
    ContainerDefinition ground = null;
    if (base != null) {
      volumes.addAll(base.volumes());
      for (ContainerDefinition each : base.containerDefinitions()) {
        ContainerDefinition container = sorted(each);
        if (container.name().equals(config.containerName())) {
          ground = container;
        } else {
          containers.add(container);
        }
      }
    }
    volumes.add(volume(HOME_VOLUME).build());
    containers.add(0, main(content, ground, volumes));
    containers.add(sidecar(sidecar));
    request.volumes(volumes).containerDefinitions(containers);
    // The SDK says all fields in a fixed order, and maps in theirs, so those are sorted: an order
    // of their own in each process would make families without end. Nothing secret is among them.
    String family =
        config.taskDefinitionFamilyPrefix()
            + "-"
            + hash(request.build().toString()).substring(0, 48);
    return request
        .family(family)
        .tags(Tag.builder().key("berth:definition").value("1").build())
        .build();
  }

  /** The sidecar of a complete configuration. */
  static SshSidecarConfig sidecar(FargateConfig config) {
    SshSidecarConfig sidecar = config.sshSidecar();
    if (sidecar == null
        || sidecar.publicKeySecretArn().isEmpty()
        || sidecar.privateKeySecretArn().isEmpty()
        || sidecar.image() == null) {
      throw new RequestException(
          FargateProvider.NAME,
          null,
          "Tried to create a Fargate sandbox without a way into it; set ssh_sidecar with image (one"
              + " with sh and sshd), public_key_secret_arn and private_key_secret_arn.",
          null);
    }
    return sidecar;
  }

  /** Two hundred starts at once need not read it two hundred times. */
  private @Nullable TaskDefinition base() {
    String name = config.taskDefinition();
    if (name == null) {
      return null;
    }
    baseLock.lock();
    try {
      TaskDefinition held = base;
      if (held == null || System.nanoTime() - baseRead > BASE_HOLDS.toNanos()) {
        held = aws.ecs().describeTaskDefinition(ask -> ask.taskDefinition(name)).taskDefinition();
        base = held;
        baseRead = System.nanoTime();
      }
      return held;
    } catch (SdkException e) {
      throw Aws.failed(null, "read the task definition " + name, e, "");
    } finally {
      baseLock.unlock();
    }
  }

  private ContainerDefinition main(
      Content content,
      @Nullable ContainerDefinition ground,
      List<software.amazon.awssdk.services.ecs.model.Volume> volumes) {
    ContainerDefinition.Builder main =
        ground == null ? ContainerDefinition.builder() : ground.toBuilder();
    String image = or(content.image(), ground == null ? null : ground.image());
    if (image == null) {
      throw new RequestException(
          FargateProvider.NAME,
          null,
          "Tried to create a Fargate sandbox without an image; name one in the spec, or set"
              + " image_template or task_definition in the configuration.",
          null);
    }
    List<MountPoint> mounts = new ArrayList<>(ground == null ? List.of() : ground.mountPoints());
    List<ContainerDependency> after =
        new ArrayList<>(ground == null ? List.of() : ground.dependsOn());
    after.add(
        ContainerDependency.builder()
            .containerName(SIDECAR)
            .condition(ContainerCondition.HEALTHY)
            .build());
    main.name(config.containerName())
        .image(image)
        .essential(true)
        .dependsOn(after)
        .environment(environment(ground));
    LogConfiguration logs = logs();
    if (logs != null) {
      main.logConfiguration(logs);
    }
    if (config.agentServer()) {
      if (!content.command().isEmpty()) {
        main.command(content.command());
      }
    } else {
      mounts.add(mount(HOME_VOLUME, Sidecar.VOLUME, false));
      // The guest is root, so that commands can be any user; and nobody else can read its token.
      main.entryPoint(Sidecar.GUEST).command("version").user("0").stopTimeout(2);
      // Who could read the task's loopback could read what host and guest say there.
      main.linuxParameters(closed(ground == null ? null : ground.linuxParameters()));
    }
    String efs = config.efsFilesystemId();
    if (efs != null) {
      volumes.add(efs("efs", efs, config.efsAccessPointId()));
      mounts.add(mount("efs", EFS_MOUNT, false));
    }
    check(content.volumes());
    for (Volume volume : content.volumes()) {
      String system = Objects.requireNonNull(volume.efsFileSystemId());
      String name = "volume-" + mounts.size();
      volumes.add(efs(name, system, volume.efsAccessPointId()));
      mounts.add(mount(name, volume.containerPath(), volume.readonly()));
    }
    return main.mountPoints(mounts).build();
  }

  /** What the base has, without sight of the network; and nothing comes before the guest. */
  private static LinuxParameters closed(@Nullable LinuxParameters ground) {
    LinuxParameters.Builder linux = ground == null ? LinuxParameters.builder() : ground.toBuilder();
    KernelCapabilities given = ground == null ? null : ground.capabilities();
    KernelCapabilities.Builder can =
        given == null ? KernelCapabilities.builder() : given.toBuilder();
    Set<String> drop = new TreeSet<>(given == null ? List.of() : given.drop());
    drop.add(NET_RAW);
    can.drop(drop);
    if (given != null && given.hasAdd()) {
      can.add(given.add().stream().filter(each -> !each.equals(NET_RAW)).toList());
    }
    return linux.initProcessEnabled(null).capabilities(can.build()).build();
  }

  /** The same, its maps in an order that is the same in every process. */
  private static ContainerDefinition sorted(ContainerDefinition container) {
    ContainerDefinition.Builder sorted = container.toBuilder();
    if (container.hasDockerLabels()) {
      sorted.dockerLabels(new TreeMap<>(container.dockerLabels()));
    }
    LogConfiguration logs = container.logConfiguration();
    if (logs != null && logs.hasOptions()) {
      sorted.logConfiguration(logs.toBuilder().options(new TreeMap<>(logs.options())).build());
    }
    FirelensConfiguration lens = container.firelensConfiguration();
    if (lens != null && lens.hasOptions()) {
      sorted.firelensConfiguration(lens.toBuilder().options(new TreeMap<>(lens.options())).build());
    }
    return sorted.build();
  }

  /** Refuses volumes that no task can have. */
  static void check(List<Volume> volumes) {
    for (Volume volume : volumes) {
      if (volume.efsFileSystemId() == null) {
        throw new RequestException(
            FargateProvider.NAME,
            null,
            "Tried to mount "
                + volume.hostPath()
                + " of this host, but a Fargate task cannot see it; upload it, or use an EFS volume.",
            null);
      }
    }
  }

  private ContainerDefinition sidecar(SshSidecarConfig sidecar) {
    return ContainerDefinition.builder()
        .name(SIDECAR)
        .image(sidecar.image())
        .essential(true)
        .user("0")
        .stopTimeout(2)
        // The longest that Fargate takes: the main container does not wait for a host that is gone.
        .startTimeout(120)
        .entryPoint("/bin/sh", "-c", SidecarScript.TEXT)
        .command("berth-sidecar")
        .environment(pair("BERTH_PORT", "" + sidecar.sshdPort()))
        .secrets(
            Secret.builder()
                .name(SidecarScript.KEYS)
                .valueFrom(sidecar.publicKeySecretArn())
                .build())
        .mountPoints(mount(HOME_VOLUME, Sidecar.VOLUME, false))
        .healthCheck(check ->
            check
                .command(
                    "CMD-SHELL",
                    config.agentServer()
                        ? SidecarScript.listens(sidecar.sshdPort())
                        : "test -e " + Sidecar.GUEST)
                // The shortest that ECS takes.
                .interval(5)
                .timeout(2)
                .retries(10)
                .startPeriod(300))
        .logConfiguration(logs())
        .build();
  }

  private List<KeyValuePair> environment(@Nullable ContainerDefinition ground) {
    Map<String, String> all = new TreeMap<>();
    if (ground != null) {
      ground.environment().forEach(given -> all.put(given.name(), given.value()));
    }
    all.putAll(config.extraEnv());
    return all.entrySet().stream().map(each -> pair(each.getKey(), each.getValue())).toList();
  }

  private @Nullable LogConfiguration logs() {
    String group = config.logGroup();
    if (group == null) {
      return null;
    }
    Map<String, String> options = new TreeMap<>();
    options.put("awslogs-group", group);
    options.put("awslogs-region", aws.region());
    options.put("awslogs-stream-prefix", LogTail.prefix(config));
    return LogConfiguration.builder().logDriver(LogDriver.AWSLOGS).options(options).build();
  }

  private static software.amazon.awssdk.services.ecs.model.Volume.Builder volume(String name) {
    return software.amazon.awssdk.services.ecs.model.Volume.builder().name(name);
  }

  private static software.amazon.awssdk.services.ecs.model.Volume efs(
      String name, String system, @Nullable String accessPoint) {
    return volume(name)
        .efsVolumeConfiguration(efs -> {
          efs.fileSystemId(system).transitEncryption(EFSTransitEncryption.ENABLED);
          if (accessPoint != null) {
            efs.authorizationConfig(point -> point.accessPointId(accessPoint));
          }
        })
        .build();
  }

  private static MountPoint mount(String volume, String path, boolean readOnly) {
    return MountPoint.builder().sourceVolume(volume).containerPath(path).readOnly(readOnly).build();
  }

  static KeyValuePair pair(String name, String value) {
    return KeyValuePair.builder().name(name).value(value).build();
  }

  private static @Nullable String or(@Nullable String value, @Nullable String otherwise) {
    return value == null ? otherwise : value;
  }

  private static String hash(String text) {
    try {
      return HexFormat.of()
          .formatHex(
              MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
