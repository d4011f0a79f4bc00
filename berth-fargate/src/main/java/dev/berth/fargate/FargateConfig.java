package dev.berth.fargate;

import dev.berth.RequestException;
import dev.berth.spi.ConfigSection;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How the {@code ecs_fargate} provider works. Immutable; made with {@link #builder()}, or from a
 * configuration file, whose keys stand in {@code docs/fargate.md}. What is wrong here is refused
 * before AWS is asked anything.
 *
 * @param region the AWS region; null: the SDK's own way of finding it
 * @param cluster the ECS cluster; empty: found through SSM, see {@link Discovery}
 * @param subnets where the task's network interface is put
 * @param securityGroups who may reach it
 * @param assignPublicIp whether it gets a public address, by which it is then reached; null is
 *     false
 * @param taskDefinition a definition whose container, roles and volumes are the ground for ours;
 *     null: from scratch
 * @param taskDefinitionFamilyPrefix begins the families of our definitions
 * @param imageTemplate the image where a spec names none, with {@code {task_id}} in it
 * @param containerName the container that is the sandbox
 * @param containerPort the agent server's port; agent-server mode needs it
 * @param cpu in 1/1024 processors; see {@link TaskSize}
 * @param memory in MiB
 * @param ephemeralStorageGib 21 to 200; null: Fargate's 20
 * @param platformVersion such as 1.4.0; null: LATEST
 * @param executionRoleArn whom ECS acts as when it starts the task
 * @param taskRoleArn whom the task acts as; it must not be able to read the private key
 * @param extraEnv variables of the main container; they stand in the definition, so no secrets
 * @param logGroup where the containers log; null: nowhere
 * @param logStreamPrefix begins the log streams; null: the family prefix
 * @param maxTaskLifetime after which the task ends itself, whatever happens
 * @param startupTimeout how long a task may take to come up
 * @param pollInterval the longest pause between two questions about a task's state
 * @param runTaskMaxRetries how often a throttled or unplaceable RunTask is tried again
 * @param sshSidecar the way into the task; both modes need it
 * @param s3Bucket where build contexts are staged
 * @param s3Prefix begins the names of what is staged; below it all is in berth-contexts/
 * @param ecrRepository where built and mirrored images go; a name or a URI
 * @param environmentDir a folder with a Dockerfile from which the image is built where a spec names
 *     none
 * @param codebuildProject which builds; null: {@code berth-images}, which is made
 * @param codebuildServiceRole whom builds act as; null: whom the project says
 * @param codebuildComputeType on what it runs
 * @param codebuildBuildTimeout how long one build may take; minutes in YAML
 * @param dockerhubSecretArn a secret with {@code username} and {@code password} for Docker Hub
 * @param buildParallelism how many builds this JVM has under way at once
 * @param efsFilesystemId a file system for {@code efs} volumes
 * @param efsAccessPointId its access point
 * @param autoMirror whether public images are copied into ecrRepository once, if that is set
 * @param ssmProject names the SSM parameter of {@link Discovery}
 */
public record FargateConfig(
    @Nullable String region,
    String cluster,
    List<String> subnets,
    List<String> securityGroups,
    @Nullable Boolean assignPublicIp,
    @Nullable String taskDefinition,
    String taskDefinitionFamilyPrefix,
    @Nullable String imageTemplate,
    String containerName,
    @Nullable Integer containerPort,
    int cpu,
    int memory,
    @Nullable Integer ephemeralStorageGib,
    @Nullable String platformVersion,
    @Nullable String executionRoleArn,
    @Nullable String taskRoleArn,
    Map<String, String> extraEnv,
    @Nullable String logGroup,
    @Nullable String logStreamPrefix,
    Duration maxTaskLifetime,
    Duration startupTimeout,
    Duration pollInterval,
    int runTaskMaxRetries,
    @Nullable SshSidecarConfig sshSidecar,
    @Nullable String s3Bucket,
    @Nullable String s3Prefix,
    @Nullable String ecrRepository,
    @Nullable String environmentDir,
    @Nullable String codebuildProject,
    @Nullable String codebuildServiceRole,
    String codebuildComputeType,
    Duration codebuildBuildTimeout,
    @Nullable String dockerhubSecretArn,
    int buildParallelism,
    @Nullable String efsFilesystemId,
    @Nullable String efsAccessPointId,
    boolean autoMirror,
    String ssmProject) {

  /** Checks and copies. */
  public FargateConfig {
    subnets = List.copyOf(subnets);
    securityGroups = List.copyOf(securityGroups);
    extraEnv = Collections.unmodifiableMap(new LinkedHashMap<>(extraEnv));
    TaskSize.check(cpu, memory, ephemeralStorageGib);
    if (!subnets.isEmpty() && securityGroups.isEmpty()) {
      throw new RequestException(
          "Tried to configure ecs_fargate with subnets but without security_groups; name at least"
              + " one group that lets this host reach the task's sshd port.");
    }
    if (subnets.size() > 16 || securityGroups.size() > 5) {
      throw new RequestException(
          "Tried to configure ecs_fargate with "
              + subnets.size()
              + " subnets and "
              + securityGroups.size()
              + " security_groups; ECS takes at most 16 and 5.");
    }
    Bounds.port("container_port", containerPort);
    Bounds.above("max_task_lifetime_sec", maxTaskLifetime);
    Bounds.above("startup_timeout_sec", startupTimeout);
    Bounds.above("poll_interval_sec", pollInterval);
    Bounds.buildTimeout(codebuildBuildTimeout);
    Bounds.computeType(codebuildComputeType);
    Bounds.within("run_task_max_retries", runTaskMaxRetries, 0, 1000);
    Bounds.within("build_parallelism", buildParallelism, 1, 1000);
    Bounds.name("container_name", containerName);
    Bounds.name("task_definition_family_prefix", taskDefinitionFamilyPrefix);
    if (containerName.equals(TaskDefinitions.SIDECAR)) {
      throw new RequestException(
          "Tried to set container_name to '"
              + containerName
              + "', which is the ssh sidecar's name; take another.");
    }
    if (taskDefinitionFamilyPrefix.length() > 190) {
      throw new RequestException(
          "Tried to set task_definition_family_prefix to a text of "
              + taskDefinitionFamilyPrefix.length()
              + " characters; 190 at most, so that a hash fits behind it.");
    }
    if (sshSidecar != null && sshSidecar.execServerPort() == null && containerPort == null) {
      throw new RequestException(
          "Tried to configure ecs_fargate in agent-server mode (ssh_sidecar without"
              + " exec_server_port) but without container_port; set container_port to the agent"
              + " server's port, or exec_server_port for exec-server mode.");
    }
    if (efsAccessPointId != null && efsFilesystemId == null) {
      throw new RequestException(
          "Tried to set efs_access_point_id without efs_filesystem_id; name the file system too.");
    }
  }

  /** Starts with all defaults. */
  public static Builder builder() {
    return new Builder();
  }

  /** A builder that starts from this. */
  public Builder toBuilder() {
    Builder builder = new Builder();
    builder.region = region;
    builder.cluster = cluster;
    builder.subnets = subnets;
    builder.securityGroups = securityGroups;
    builder.assignPublicIp = assignPublicIp;
    builder.taskDefinition = taskDefinition;
    builder.taskDefinitionFamilyPrefix = taskDefinitionFamilyPrefix;
    builder.imageTemplate = imageTemplate;
    builder.containerName = containerName;
    builder.containerPort = containerPort;
    builder.cpu = cpu;
    builder.memory = memory;
    builder.ephemeralStorageGib = ephemeralStorageGib;
    builder.platformVersion = platformVersion;
    builder.executionRoleArn = executionRoleArn;
    builder.taskRoleArn = taskRoleArn;
    builder.extraEnv = extraEnv;
    builder.logGroup = logGroup;
    builder.logStreamPrefix = logStreamPrefix;
    builder.maxTaskLifetime = maxTaskLifetime;
    builder.startupTimeout = startupTimeout;
    builder.pollInterval = pollInterval;
    builder.runTaskMaxRetries = runTaskMaxRetries;
    builder.sshSidecar = sshSidecar;
    builder.s3Bucket = s3Bucket;
    builder.s3Prefix = s3Prefix;
    builder.ecrRepository = ecrRepository;
    builder.environmentDir = environmentDir;
    builder.codebuildProject = codebuildProject;
    builder.codebuildServiceRole = codebuildServiceRole;
    builder.codebuildComputeType = codebuildComputeType;
    builder.codebuildBuildTimeout = codebuildBuildTimeout;
    builder.dockerhubSecretArn = dockerhubSecretArn;
    builder.buildParallelism = buildParallelism;
    builder.efsFilesystemId = efsFilesystemId;
    builder.efsAccessPointId = efsAccessPointId;
    builder.autoMirror = autoMirror;
    builder.ssmProject = ssmProject;
    return builder;
  }

  /** Whether the task hosts an agent server, and no guest: {@code exec} then does not work. */
  public boolean agentServer() {
    return sshSidecar != null && sshSidecar.execServerPort() == null;
  }

  /** Reads the provider's block of a configuration file; unknown keys are refused. */
  static FargateConfig read(ConfigSection section) {
    Builder builder = FargateSettings.read(section);
    section.finish();
    return builder.build();
  }

  /**
   * Collects the parts of a configuration. Not thread-safe. Each method takes what the record's
   * component of that name says.
   */
  public static final class Builder {
    private @Nullable String region;
    private String cluster = "";
    private List<String> subnets = List.of();
    private List<String> securityGroups = List.of();
    private @Nullable Boolean assignPublicIp;
    private @Nullable String taskDefinition;
    private String taskDefinitionFamilyPrefix = "ecs-sandbox";
    private @Nullable String imageTemplate;
    private String containerName = "main";
    private @Nullable Integer containerPort;
    private int cpu = 4096;
    private int memory = 8192;
    private @Nullable Integer ephemeralStorageGib;
    private @Nullable String platformVersion;
    private @Nullable String executionRoleArn;
    private @Nullable String taskRoleArn;
    private Map<String, String> extraEnv = Map.of();
    private @Nullable String logGroup;
    private @Nullable String logStreamPrefix;
    private Duration maxTaskLifetime = Duration.ofHours(4);
    private Duration startupTimeout = Duration.ofMinutes(5);
    private Duration pollInterval = Duration.ofSeconds(2);
    private int runTaskMaxRetries = 30;
    private @Nullable SshSidecarConfig sshSidecar;
    private @Nullable String s3Bucket;
    private @Nullable String s3Prefix;
    private @Nullable String ecrRepository;
    private @Nullable String environmentDir;
    private @Nullable String codebuildProject;
    private @Nullable String codebuildServiceRole;
    private String codebuildComputeType = "BUILD_GENERAL1_MEDIUM";
    private Duration codebuildBuildTimeout = Duration.ofMinutes(30);
    private @Nullable String dockerhubSecretArn;
    private int buildParallelism = 50;
    private @Nullable String efsFilesystemId;
    private @Nullable String efsAccessPointId;
    private boolean autoMirror = true;
    private String ssmProject = "harbor";

    private Builder() {}

    public Builder region(String value) {
      region = value;
      return this;
    }

    public Builder cluster(String value) {
      cluster = value;
      return this;
    }

    public Builder subnets(List<String> value) {
      subnets = value;
      return this;
    }

    public Builder securityGroups(List<String> value) {
      securityGroups = value;
      return this;
    }

    public Builder assignPublicIp(Boolean value) {
      assignPublicIp = value;
      return this;
    }

    public Builder taskDefinition(String value) {
      taskDefinition = value;
      return this;
    }

    public Builder taskDefinitionFamilyPrefix(String value) {
      taskDefinitionFamilyPrefix = value;
      return this;
    }

    public Builder imageTemplate(String value) {
      imageTemplate = value;
      return this;
    }

    public Builder containerName(String value) {
      containerName = value;
      return this;
    }

    public Builder containerPort(Integer value) {
      containerPort = value;
      return this;
    }

    public Builder cpu(int value) {
      cpu = value;
      return this;
    }

    public Builder memory(int value) {
      memory = value;
      return this;
    }

    public Builder ephemeralStorageGib(Integer value) {
      ephemeralStorageGib = value;
      return this;
    }

    public Builder platformVersion(String value) {
      platformVersion = value;
      return this;
    }

    public Builder executionRoleArn(String value) {
      executionRoleArn = value;
      return this;
    }

    public Builder taskRoleArn(String value) {
      taskRoleArn = value;
      return this;
    }

    public Builder extraEnv(Map<String, String> value) {
      extraEnv = value;
      return this;
    }

    public Builder logGroup(String value) {
      logGroup = value;
      return this;
    }

    public Builder logStreamPrefix(String value) {
      logStreamPrefix = value;
      return this;
    }

    public Builder maxTaskLifetime(Duration value) {
      maxTaskLifetime = value;
      return this;
    }

    public Builder startupTimeout(Duration value) {
      startupTimeout = value;
      return this;
    }

    public Builder pollInterval(Duration value) {
      pollInterval = value;
      return this;
    }

    public Builder runTaskMaxRetries(int value) {
      runTaskMaxRetries = value;
      return this;
    }

    public Builder sshSidecar(SshSidecarConfig value) {
      sshSidecar = value;
      return this;
    }

    public Builder s3Bucket(String value) {
      s3Bucket = value;
      return this;
    }

    public Builder s3Prefix(String value) {
      s3Prefix = value;
      return this;
    }

    public Builder ecrRepository(String value) {
      ecrRepository = value;
      return this;
    }

    public Builder environmentDir(String value) {
      environmentDir = value;
      return this;
    }

    public Builder codebuildProject(String value) {
      codebuildProject = value;
      return this;
    }

    public Builder codebuildServiceRole(String value) {
      codebuildServiceRole = value;
      return this;
    }

    public Builder codebuildComputeType(String value) {
      codebuildComputeType = value;
      return this;
    }

    public Builder codebuildBuildTimeout(Duration value) {
      codebuildBuildTimeout = value;
      return this;
    }

    public Builder dockerhubSecretArn(String value) {
      dockerhubSecretArn = value;
      return this;
    }

    public Builder buildParallelism(int value) {
      buildParallelism = value;
      return this;
    }

    public Builder efsFilesystemId(String value) {
      efsFilesystemId = value;
      return this;
    }

    public Builder efsAccessPointId(String value) {
      efsAccessPointId = value;
      return this;
    }

    public Builder autoMirror(boolean value) {
      autoMirror = value;
      return this;
    }

    public Builder ssmProject(String value) {
      ssmProject = value;
      return this;
    }

    /**
     * The configuration.
     *
     * @throws RequestException if a part is out of its range; the message names what is allowed
     */
    public FargateConfig build() {
      return new FargateConfig(
          region,
          cluster,
          subnets,
          securityGroups,
          assignPublicIp,
          taskDefinition,
          taskDefinitionFamilyPrefix,
          imageTemplate,
          containerName,
          containerPort,
          cpu,
          memory,
          ephemeralStorageGib,
          platformVersion,
          executionRoleArn,
          taskRoleArn,
          extraEnv,
          logGroup,
          logStreamPrefix,
          maxTaskLifetime,
          startupTimeout,
          pollInterval,
          runTaskMaxRetries,
          sshSidecar,
          s3Bucket,
          s3Prefix,
          ecrRepository,
          environmentDir,
          codebuildProject,
          codebuildServiceRole,
          codebuildComputeType,
          codebuildBuildTimeout,
          dockerhubSecretArn,
          buildParallelism,
          efsFilesystemId,
          efsAccessPointId,
          autoMirror,
          ssmProject);
    }
  }
}
