package dev.berth.fargate;

import java.io.IOException;
import java.net.URI;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * What stands in for AWS on one machine: moto behind {@link EcsProxy}, and real containers for each
 * task. Root only. {@code docs/fargate-rig.md} says what it is not. Closing it ends and removes all
 * that it made, but for the images.
 */
final class FargateRig implements AutoCloseable {
  static final String REGION = "eu-central-1";
  static final String CLUSTER = "berth-rig";
  static final String MAIN_IMAGE = "localhost/berth-rig-main:1";
  static final String SIDECAR_IMAGE = "localhost/berth-rig-sidecar:1";

  static final dev.berth.SandboxSpec SPEC = dev.berth.SandboxSpec.of(MAIN_IMAGE);
  static final String LOG_GROUP = "/berth/rig";

  /** Where the children of a test find it too. */
  static final String ENDPOINT = "berth.rig.endpoint";

  static final String SUBNET = "berth.rig.subnet";
  static final String GROUP = "berth.rig.group";

  static final String PUBLIC = "berth.rig.public";
  static final String PRIVATE = "berth.rig.private";

  private static final JsonMapper JSON = JsonMapper.shared();
  private static final Path HOME = Path.of("/var/tmp");

  /** A rig's folder, with its process. */
  private static final Pattern FOLDER = Pattern.compile("berth-rig-(\\d+)-\\d+");

  private final Path folder;
  private final Moto moto;
  private final Faults faults = new Faults();
  private final Podman podman;
  private final EcsProxy proxy;
  private final String subnet;
  private final String group;
  private String privateKey = "";
  private BuildRig builds;

  FargateRig() throws IOException {
    Path parts = parts();
    folder = newFolder();
    podman = new Podman(Path.of("/var/tmp/berth-rig-podman"));
    podman.sweep();
    sweep();
    podman.load(MAIN_IMAGE, image());
    podman.load(SIDECAR_IMAGE, parts.resolve("sidecar"));
    moto = new Moto(parts, folder.resolve("moto.log"));
    proxy = new EcsProxy(moto.uri(), podman, folder, faults);
    call(
        "ecs",
        "AmazonEC2ContainerServiceV20141113.CreateCluster",
        "{\"clusterName\":\"" + CLUSTER + "\"}");
    String[] network = network();
    subnet = network[0];
    group = network[1];
    System.setProperty(ENDPOINT, endpoint().toString());
    System.setProperty(SUBNET, subnet);
    System.setProperty(GROUP, group);
    keys();
    logGroup(LOG_GROUP);
    useFrom();
  }

  /** A folder that is swept away once this process is no more. */
  static Path newFolder() throws IOException {
    return Files.createTempDirectory(HOME, "berth-rig-" + ProcessHandle.current().pid() + "-");
  }

  /** Removes the folders of rigs that were killed. */
  private static void sweep() throws IOException {
    try (DirectoryStream<Path> all = Files.newDirectoryStream(HOME, "berth-rig-*")) {
      for (Path each : all) {
        Matcher name = FOLDER.matcher(each.getFileName().toString());
        if (name.matches() && ProcessHandle.of(Long.parseLong(name.group(1))).isEmpty()) {
          // What still writes into it ends soon; the next rig tries again.
          Tool.result(Map.of(), List.of("rm", "-rf", each.toString()));
        }
      }
    }
  }

  /** Makes the two key pairs, and the secrets that hold them as docs/fargate.md says. */
  private void keys() throws IOException {
    Path keys = Files.createDirectory(folder.resolve("keys"));
    podman.run(
        "run",
        "--rm",
        "--network",
        "none",
        "-v",
        keys + ":/keys",
        SIDECAR_IMAGE,
        "/bin/sh",
        "-c",
        "cd /keys && ssh-keygen -q -t ed25519 -N '' -C berth -f user"
            + " && ssh-keygen -q -t ed25519 -N '' -C host -f host");
    System.setProperty(
        PUBLIC,
        secret(
            "berth-public",
            Files.readString(keys.resolve("user.pub")) + Files.readString(keys.resolve("host"))));
    System.setProperty(
        PRIVATE,
        secret(
            "berth-private",
            Files.readString(keys.resolve("user")) + Files.readString(keys.resolve("host.pub"))));
    privateKey = Files.readString(keys.resolve("user"));
  }

  /** Our private key, to look for where it must not be. */
  String privateKey() {
    return privateKey;
  }

  /** Points this JVM's AWS clients to the rig that the system properties name. */
  static void useFrom() {
    System.setProperty("aws.endpointUrl", System.getProperty(ENDPOINT));
    System.setProperty("aws.accessKeyId", "rig");
    System.setProperty("aws.secretAccessKey", "rig");
    System.setProperty("aws.region", REGION);
  }

  /** Everything that reaches a task: its place, without images and secrets. */
  static FargateConfig.Builder place() {
    return FargateConfig.builder()
        .region(REGION)
        .cluster(CLUSTER)
        .subnets(List.of(System.getProperty(SUBNET)))
        .securityGroups(List.of(System.getProperty(GROUP)))
        .cpu(256)
        .memory(512);
  }

  /** The same with a sidecar, in exec-server mode. */
  static FargateConfig.Builder execServer() {
    return place().sshSidecar(sidecar().withExecServerPort(19542));
  }

  static SshSidecarConfig sidecar() {
    return SshSidecarConfig.DEFAULT
        .withImage(SIDECAR_IMAGE)
        .withSecrets(System.getProperty(PUBLIC), System.getProperty(PRIVATE));
  }

  static Path parts() {
    String set = System.getenv("BERTH_FARGATE");
    Path parts = Path.of(set == null ? "/opt/berth/fargate" : set);
    if (!Files.exists(parts.resolve("stamp"))) {
      throw new IllegalStateException(
          "these tests need what setup/fargate.sh gets; run ./berth test as root, or that script");
    }
    return parts;
  }

  private static Path image() {
    String set = System.getenv("BERTH_IMAGE");
    return Path.of(set == null ? "/opt/berth/image" : set);
  }

  URI endpoint() {
    return proxy.uri();
  }

  Faults faults() {
    return faults;
  }

  EcsProxy proxy() {
    return proxy;
  }

  /** What builds images; started when first asked for. */
  synchronized BuildRig builds() throws IOException {
    if (builds == null) {
      builds = new BuildRig(this);
    }
    return builds;
  }

  Path folder() {
    return folder;
  }

  URI moto() {
    return moto.uri();
  }

  Podman podman() {
    return podman;
  }

  /** The tasks that were not ended yet. */
  List<RigTask> running() {
    List<RigTask> running = new ArrayList<>();
    for (RigTask task : proxy.tasks()) {
      if (!task.status().equals("STOPPED") && !task.stopping()) {
        running.add(task);
      }
    }
    return running;
  }

  /** Stores a secret and gives its ARN. */
  String secret(String name, String text) {
    ObjectNode ask = JSON.createObjectNode().put("Name", name).put("SecretString", text);
    return proxy
        .call("secretsmanager", "secretsmanager.CreateSecret", ask)
        .path("ARN")
        .asString("");
  }

  void logGroup(String name) {
    call("logs", "Logs_20140328.CreateLogGroup", "{\"logGroupName\":\"" + name + "\"}");
  }

  /** The task of a sandbox. */
  RigTask task(dev.berth.Sandbox sandbox) {
    String arn = sandbox.ability(FargateTask.class).orElseThrow().taskArn();
    return proxy.tasks().stream().filter(t -> t.arn().equals(arn)).findFirst().orElseThrow();
  }

  void parameter(String name, String text) {
    ObjectNode ask =
        JSON.createObjectNode().put("Name", name).put("Value", text).put("Type", "String");
    ask.put("Overwrite", true);
    proxy.call("ssm", "AmazonSSM.PutParameter", ask);
  }

  private JsonNode call(String service, String target, String json) {
    return proxy.call(service, target, JSON.readTree(json));
  }

  /** A subnet and a security group of moto's default network. */
  private String[] network() {
    try (Aws aws = new Aws(REGION)) {
      System.setProperty("aws.endpointUrl", moto.uri().toString());
      System.setProperty("aws.accessKeyId", "rig");
      System.setProperty("aws.secretAccessKey", "rig");
      return new String[] {
        aws.ec2().describeSubnets().subnets().get(0).subnetId(),
        aws.ec2().describeSecurityGroups().securityGroups().get(0).groupId()
      };
    }
  }

  @Override
  public void close() {
    if (builds != null) {
      builds.close();
    }
    proxy.close();
    moto.close();
    podman.removeShared();
    TaskNetwork.sweep();
    System.clearProperty("aws.endpointUrl");
    try {
      Tool.run("rm", "-rf", folder.toString());
    } catch (RuntimeException e) {
      throw new IllegalStateException("could not remove " + folder, e);
    }
  }
}
