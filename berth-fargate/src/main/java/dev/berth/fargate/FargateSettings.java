package dev.berth.fargate;

import dev.berth.Command;
import dev.berth.spi.ConfigSection;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The reading of {@link FargateConfig} from keys, in YAML or in a discovered parameter. */
final class FargateSettings {
  private FargateSettings() {}

  static FargateConfig.Builder read(ConfigSection section) {
    FargateConfig.Builder builder = FargateConfig.builder();
    String region = section.text("region");
    if (region != null) {
      builder.region(region);
    }
    String cluster = section.text("cluster");
    if (cluster != null) {
      builder.cluster(cluster);
    }
    builder.subnets(section.texts("subnets"));
    builder.securityGroups(section.texts("security_groups"));
    if (section.keys().contains("assign_public_ip")) {
      builder.assignPublicIp(section.flag("assign_public_ip", false));
    } else {
      section.flag("assign_public_ip", false);
    }
    String taskDefinition = section.text("task_definition");
    if (taskDefinition != null) {
      builder.taskDefinition(taskDefinition);
    }
    String taskDefinitionFamilyPrefix = section.text("task_definition_family_prefix");
    if (taskDefinitionFamilyPrefix != null) {
      builder.taskDefinitionFamilyPrefix(taskDefinitionFamilyPrefix);
    }
    String imageTemplate = section.text("image_template");
    if (imageTemplate != null) {
      builder.imageTemplate(imageTemplate);
    }
    String containerName = section.text("container_name");
    if (containerName != null) {
      builder.containerName(containerName);
    }
    int containerPort = section.integer("container_port", 0, 1, 65535);
    if (containerPort != 0) {
      builder.containerPort(containerPort);
    }
    builder.cpu(number(section, "cpu", 4096));
    builder.memory(number(section, "memory", 8192));
    int ephemeralStorageGib = section.integer("ephemeral_storage_gib", 0, 21, 200);
    if (ephemeralStorageGib != 0) {
      builder.ephemeralStorageGib(ephemeralStorageGib);
    }
    String platformVersion = section.text("platform_version");
    if (platformVersion != null) {
      builder.platformVersion(platformVersion);
    }
    String executionRoleArn = section.text("execution_role_arn");
    if (executionRoleArn != null) {
      builder.executionRoleArn(executionRoleArn);
    }
    String taskRoleArn = section.text("task_role_arn");
    if (taskRoleArn != null) {
      builder.taskRoleArn(taskRoleArn);
    }
    builder.extraEnv(section.pairs("extra_env"));
    String logGroup = section.text("log_group");
    if (logGroup != null) {
      builder.logGroup(logGroup);
    }
    String logStreamPrefix = section.text("log_stream_prefix");
    if (logStreamPrefix != null) {
      builder.logStreamPrefix(logStreamPrefix);
    }
    builder.maxTaskLifetime(limited(section, "max_task_lifetime_sec", Duration.ofHours(4)));
    builder.startupTimeout(limited(section, "startup_timeout_sec", Duration.ofMinutes(5)));
    builder.pollInterval(limited(section, "poll_interval_sec", Duration.ofSeconds(2)));
    builder.runTaskMaxRetries(section.integer("run_task_max_retries", 30, 0, 1000));
    SshSidecarConfig sshSidecar = sidecar(section, "ssh_sidecar");
    if (sshSidecar != null) {
      builder.sshSidecar(sshSidecar);
    }
    String s3Bucket = section.text("s3_bucket");
    if (s3Bucket != null) {
      builder.s3Bucket(s3Bucket);
    }
    String s3Prefix = section.text("s3_prefix");
    if (s3Prefix != null) {
      builder.s3Prefix(s3Prefix);
    }
    String ecrRepository = section.text("ecr_repository");
    if (ecrRepository != null) {
      builder.ecrRepository(ecrRepository);
    }
    String environmentDir = section.text("environment_dir");
    if (environmentDir != null) {
      builder.environmentDir(environmentDir);
    }
    String codebuildProject = section.text("codebuild_project");
    if (codebuildProject != null) {
      builder.codebuildProject(codebuildProject);
    }
    String codebuildServiceRole = section.text("codebuild_service_role");
    if (codebuildServiceRole != null) {
      builder.codebuildServiceRole(codebuildServiceRole);
    }
    String codebuildComputeType = section.text("codebuild_compute_type");
    if (codebuildComputeType != null) {
      builder.codebuildComputeType(codebuildComputeType);
    }
    builder.codebuildBuildTimeout(
        Duration.ofMinutes(section.integer("codebuild_build_timeout", 30, 5, 2160)));
    String dockerhubSecretArn = section.text("dockerhub_secret_arn");
    if (dockerhubSecretArn != null) {
      builder.dockerhubSecretArn(dockerhubSecretArn);
    }
    builder.buildParallelism(section.integer("build_parallelism", 50, 1, 1000));
    String efsFilesystemId = section.text("efs_filesystem_id");
    if (efsFilesystemId != null) {
      builder.efsFilesystemId(efsFilesystemId);
    }
    String efsAccessPointId = section.text("efs_access_point_id");
    if (efsAccessPointId != null) {
      builder.efsAccessPointId(efsAccessPointId);
    }
    builder.autoMirror(section.flag("auto_mirror", true));
    String ssmProject = section.text("ssm_project");
    if (ssmProject != null) {
      builder.ssmProject(ssmProject);
    }
    return builder;
  }

  private static @Nullable SshSidecarConfig sidecar(ConfigSection above, String key) {
    if (!above.keys().contains(key)) {
      above.section(key);
      return null;
    }
    return SshSidecarConfig.read(above.section(key));
  }

  /** ECS says its sizes as texts, and so do files that were written for other tools. */
  private static int number(ConfigSection section, String key, int otherwise) {
    String text = section.text(key);
    if (text == null) {
      return otherwise;
    }
    try {
      return Integer.parseInt(text.strip());
    } catch (NumberFormatException e) {
      throw section.wrong(key, text, "a whole number: 1/1024 processors, or MiB");
    }
  }

  private static Duration limited(ConfigSection section, String key, Duration otherwise) {
    Duration duration = section.seconds(key, otherwise);
    if (duration.equals(Command.FOREVER)) {
      throw section.wrong(key, null, "a number of seconds above 0");
    }
    return duration;
  }
}
