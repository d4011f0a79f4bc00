package dev.berth.fargate;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/**
 * What image builds need beside the rig: a registry for ECR, a bucket, and CodeBuild. Closing it
 * ends them and removes the images that were fetched from there.
 */
final class BuildRig implements AutoCloseable {
  static final String REPOSITORY = "berth-images";
  static final String ROLE = "arn:aws:iam::123456789012:role/codebuild";
  static final String ECR = "123456789012.dkr.ecr." + FargateRig.REGION + ".amazonaws.com";

  /** What builds know as docker: podman, and registries that are one on loopback. */
  private static final String DOCKER =
      """
      #!/bin/sh
      set -eu
      verb=$1
      shift
      case $verb in
      login)
        user= at=$RIG_REGISTRY/hub
        while [ $# -gt 0 ]; do
          case $1 in
          --username) user=$2; shift ;;
          --password-stdin) ;;
          *) at=$RIG_REGISTRY ;;
          esac
          shift
        done
        exec $RIG_PODMAN login --tls-verify=false --username "$user" --password-stdin "$at" ;;
      build) exec $RIG_PODMAN build --network none --format docker "$@" ;;
      tag) exec $RIG_PODMAN tag "$@" ;;
      push)
        $RIG_PODMAN push --tls-verify=false "$1" "docker://$RIG_REGISTRY/${1#*/}"
        exec $RIG_PODMAN rmi "$1" ;;
      pull)
        [ "$1" = --platform ] && shift 2
        $RIG_PODMAN pull --tls-verify=false "$RIG_REGISTRY/hub/${1#*/}"
        $RIG_PODMAN tag "$RIG_REGISTRY/hub/${1#*/}" "$1"
        exec $RIG_PODMAN untag "$RIG_REGISTRY/hub/${1#*/}" "$RIG_REGISTRY/hub/${1#*/}" ;;
      *) echo "the rig's docker does not know $verb" >&2; exit 125 ;;
      esac
      """;

  /** The AWS CLI, as far as our buildspecs use it; the library for that takes a second to load. */
  private static final String AWS =
      """
      #!/bin/sh
      [ "$1 $2 $3" = "ecr get-login-password --region" ] || { echo "the rig's aws does not know $*" >&2; exit 252; }
      exec "$RIG_PYTHON" -S -c 'import base64, json, os, sys, urllib.request as http
      ask = http.Request(os.environ["AWS_ENDPOINT_URL"], b"{}", {
          "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
          "Content-Type": "application/x-amz-json-1.1",
          "Authorization": "AWS4-HMAC-SHA256 Credential=rig/20260101/%s/ecr/aws4_request, SignedHeaders=host, Signature=0" % sys.argv[1]})
      answer = json.load(http.urlopen(ask, timeout=60))
      print(base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode().split(":", 1)[1])' "$4"
      """;

  private final FargateRig rig;
  private final ImageRegistry registry;
  private final ImageBucket bucket;
  private final CodeBuildRig codebuild;
  private final Map<String, String> tools;
  private final Path folder;

  BuildRig(FargateRig rig) throws IOException {
    this.rig = rig;
    folder = Files.createTempDirectory(rig.folder(), "images");
    Path bin = Files.createDirectories(folder.resolve("bin"));
    program(bin.resolve("docker"), DOCKER);
    program(bin.resolve("aws"), AWS);
    registry = new ImageRegistry(folder.resolve("registry"));
    boolean done = false;
    try {
      bucket = new ImageBucket(FargateRig.parts(), folder);
      done = true;
    } finally {
      if (!done) {
        registry.close();
      }
    }
    tools = new HashMap<>(rig.podman().env());
    tools.put("PATH", bin + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
    tools.put("HOME", folder.toString());
    tools.put("LANG", "C.UTF-8");
    tools.put("RIG_REGISTRY", registry.address());
    tools.put("RIG_PODMAN", String.join(" ", rig.podman().words()));
    tools.put("RIG_PYTHON", Files.readString(FargateRig.parts().resolve("python")).strip());
    tools.put("AWS_ENDPOINT_URL", rig.moto().toString());
    codebuild = new CodeBuildRig(rig, registry, tools);
    rig.proxy().other(codebuild);
    rig.podman().pullBy(this::pulls);
    sweep();
    try (Aws aws = new Aws(FargateRig.REGION)) {
      aws.ecr().createRepository(ask -> ask.repositoryName(REPOSITORY));
    }
  }

  private static void program(Path path, String text) throws IOException {
    Files.writeString(path, text);
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  CodeBuildRig codebuild() {
    return codebuild;
  }

  ImageBucket bucket() {
    return bucket;
  }

  ImageRegistry registry() {
    return registry;
  }

  /** A place that builds. */
  static FargateConfig.Builder config() {
    return FargateRig.execServer()
        .ecrRepository(REPOSITORY)
        .s3Bucket(ImageBucket.NAME)
        .s3Prefix("stage")
        .codebuildServiceRole(ROLE)
        .pollInterval(java.time.Duration.ofMillis(200));
  }

  /** Puts a small image where builds find Docker Hub. */
  void publish(String name, Path context) {
    String at = registry.address() + "/hub/" + name;
    Map<String, String> env = new HashMap<>(tools);
    env.put("REGISTRY_AUTH_FILE", folder.resolve("publish.json").toString());
    Tool.run(
        env,
        List.of(
            "sh",
            "-c",
            "printf %s \"$3\" | $RIG_PODMAN login --tls-verify=false -u \"$2\" --password-stdin"
                + " \"$RIG_REGISTRY\" && $RIG_PODMAN build -q --network none -t \"$1\" \"$4\" &&"
                + " $RIG_PODMAN push -q --tls-verify=false \"$1\" && $RIG_PODMAN rmi \"$1\"",
            "sh",
            at,
            ImageRegistry.HUB_USER,
            ImageRegistry.HUB_PASSWORD,
            context.toString()));
  }

  String hubSecret() {
    return rig.secret(
        "berth-hub",
        JsonMapper.shared()
            .createObjectNode()
            .put("username", ImageRegistry.HUB_USER)
            .put("password", ImageRegistry.HUB_PASSWORD)
            .toString());
  }

  /** What Fargate does with an image of ECR, by its execution role. */
  private boolean pulls(String image) {
    if (!image.startsWith(ECR + "/")) {
      return false;
    }
    String at = registry.address() + image.substring(ECR.length());
    return rig.podman()
                .result(
                    "pull",
                    "-q",
                    "--tls-verify=false",
                    "--creds",
                    "AWS:123456789012-auth-token",
                    at)
                .code()
            == 0
        && rig.podman().result("tag", at, image).code() == 0
        && rig.podman().result("untag", at, at).code() == 0;
  }

  /** Removes what tests have built and fetched, but no layers that others use. */
  private void sweep() {
    rig.podman()
        .run("images", "--format", "{{.Repository}}:{{.Tag}}")
        .lines()
        .filter(name -> name.startsWith(ECR) || name.contains("/hub/"))
        .forEach(name -> rig.podman().result("rmi", "-f", name));
    rig.podman().result("image", "prune", "-f");
  }

  @Override
  public void close() {
    try {
      codebuild.clear();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    rig.proxy().other((target, body, moto) -> null);
    rig.podman().pullBy(image -> false);
    sweep();
    bucket.close();
    registry.close();
  }
}
