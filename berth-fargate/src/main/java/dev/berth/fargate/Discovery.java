package dev.berth.fargate;

import dev.berth.RequestException;
import dev.berth.SandboxException;
import dev.berth.spi.ConfigSection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.ssm.model.ParameterNotFoundException;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * Finds what a configuration leaves open in the account itself: the SSM parameter {@code
 * /PROJECT/ecs-sandbox/config}, which whoever set up the infrastructure wrote. It is asked for when
 * {@code region} is set and {@code cluster} is not. What the configuration says wins, key by key.
 */
final class Discovery {
  private static final List<String> KNOWN =
      List.of(
          "cluster",
          "subnets",
          "security_groups",
          "assign_public_ip",
          "execution_role_arn",
          "task_role_arn",
          "log_group",
          "s3_bucket",
          "s3_prefix",
          "ecr_repository",
          "codebuild_project",
          "codebuild_service_role",
          "dockerhub_secret_arn",
          "efs_filesystem_id",
          "efs_access_point_id",
          "ssh_sidecar");

  private Discovery() {}

  /** Whether there is something to find. */
  static boolean applies(FargateConfig config) {
    return config.region() != null && config.cluster().isEmpty();
  }

  /** The keys that are read; all others are left alone. */
  static List<String> known() {
    return KNOWN;
  }

  /** The parameter's name. */
  static String parameter(FargateConfig config) {
    return "/" + config.ssmProject() + "/ecs-sandbox/config";
  }

  /**
   * The configuration with what was found; the same if nothing is to be looked for.
   *
   * @throws RequestException if there is no such parameter, or it is no such JSON
   */
  static FargateConfig complete(FargateConfig config, Aws aws) {
    if (!applies(config)) {
      return config;
    }
    String name = parameter(config);
    try {
      return merge(
          config,
          aws.ssm().getParameter(ask -> ask.name(name).withDecryption(true)).parameter().value());
    } catch (ParameterNotFoundException e) {
      throw new RequestException(
          FargateProvider.NAME,
          null,
          "Tried to find the ECS cluster in the SSM parameter "
              + name
              + " of "
              + config.region()
              + ", but there is none; set cluster, subnets and security_groups in the"
              + " configuration, or have the infrastructure write that parameter (ssm_project"
              + " names its first part).",
          e);
    } catch (SdkException e) {
      throw failed(config, name, e);
    }
  }

  private static SandboxException failed(FargateConfig config, String name, SdkException e) {
    return Aws.failed(
        null,
        "read the SSM parameter " + name + " of " + config.region(),
        e,
        " Allow ssm:GetParameter on it, or set cluster in the configuration.");
  }

  /** Puts what the parameter says where the configuration says nothing. */
  static FargateConfig merge(FargateConfig config, String json) {
    FargateConfig found = read(config, json);
    FargateConfig.Builder result = config.toBuilder();
    result.cluster(found.cluster());
    if (config.subnets().isEmpty()) {
      result.subnets(found.subnets());
    }
    if (config.securityGroups().isEmpty()) {
      result.securityGroups(found.securityGroups());
    }
    Boolean publicIp = found.assignPublicIp();
    if (config.assignPublicIp() == null && publicIp != null) {
      result.assignPublicIp(publicIp);
    }
    open(config.executionRoleArn(), found.executionRoleArn(), result::executionRoleArn);
    open(config.taskRoleArn(), found.taskRoleArn(), result::taskRoleArn);
    open(config.logGroup(), found.logGroup(), result::logGroup);
    open(config.s3Bucket(), found.s3Bucket(), result::s3Bucket);
    open(config.s3Prefix(), found.s3Prefix(), result::s3Prefix);
    open(config.ecrRepository(), found.ecrRepository(), result::ecrRepository);
    open(config.codebuildProject(), found.codebuildProject(), result::codebuildProject);
    open(config.codebuildServiceRole(), found.codebuildServiceRole(), result::codebuildServiceRole);
    open(config.dockerhubSecretArn(), found.dockerhubSecretArn(), result::dockerhubSecretArn);
    if (config.efsFilesystemId() == null) {
      open(null, found.efsFilesystemId(), result::efsFilesystemId);
      open(config.efsAccessPointId(), found.efsAccessPointId(), result::efsAccessPointId);
    }
    SshSidecarConfig own = config.sshSidecar();
    SshSidecarConfig other = found.sshSidecar();
    if (other != null) {
      result.sshSidecar(own == null ? other : own.orElse(other));
    }
    if (found.cluster().isEmpty()) {
      throw new RequestException(
          FargateProvider.NAME,
          null,
          "Tried to find the ECS cluster in the SSM parameter "
              + parameter(config)
              + ", but its JSON has no cluster; write it there, or in the configuration.",
          null);
    }
    return result.build();
  }

  /**
   * Reads it as if it were a configuration, and so with the same checks; other keys are left out.
   */
  private static FargateConfig read(FargateConfig config, String json) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    try {
      Object parsed = JsonMapper.shared().readValue(json, Object.class);
      if (parsed instanceof Map<?, ?> map) {
        // The infrastructure may note there what is no matter of ours.
        for (String key : KNOWN) {
          Object value = map.get(key);
          if (value != null && !value.equals("")) {
            values.put(key, value);
          }
        }
      }
    } catch (JacksonException e) {
      throw new RequestException(
          FargateProvider.NAME,
          null,
          "Tried to read the SSM parameter "
              + parameter(config)
              + ", but it is no JSON: "
              + e.getOriginalMessage()
              + ".",
          e);
    }
    // Only together with the configuration's own port is an agent-server mode complete.
    Integer port = config.containerPort();
    if (port != null) {
      values.put("container_port", port);
    }
    return FargateConfig.read(ConfigSection.of("SSM parameter " + parameter(config), values));
  }

  private static void open(
      @Nullable String own, @Nullable String found, java.util.function.Consumer<String> to) {
    if (own == null && found != null) {
      to.accept(found);
    }
  }
}
