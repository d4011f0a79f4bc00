package dev.berth.fargate.images;

import dev.berth.core.state.Scratch;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.S3Object;

/**
 * The build contexts in S3, each under its hash. They are private to the bucket: CodeBuild reads
 * them with its own role, and no presigned URL is ever made.
 */
final class Stage {
  private static final Duration YOUNG = Duration.ofHours(1);

  private final BuildClients clients;
  private final String bucket;
  private final String prefix;

  Stage(BuildClients clients, BuildSettings settings) {
    this.clients = clients;
    this.bucket = Objects.requireNonNull(settings.bucket());
    this.prefix = settings.stagePrefix();
  }

  private String key(BuildContext context) {
    return prefix + context.hash() + ".zip";
  }

  /** As CodeBuild wants it said. */
  String location(BuildContext context) {
    return bucket + "/" + key(context);
  }

  /** Puts it there, also if it is there already: so that it is not taken for an older build's. */
  void put(BuildContext context) throws InterruptedException {
    try (Scratch scratch = Scratch.make()) {
      Path zip = scratch.path().resolve("context.zip");
      try (OutputStream out = Files.newOutputStream(zip)) {
        context.zip(out);
      }
      Calls.of(() ->
          clients
              .s3()
              .putObject(
                  ask -> ask.bucket(bucket).key(key(context)).contentType("application/zip"),
                  RequestBody.fromFile(zip)));
    } catch (IOException e) {
      throw BuildFailures.refused(
          "pack the build context " + context.root(),
          e + "; see to the space in Berth's state folder (BERTH_STATE_HOME).",
          e);
    }
  }

  /**
   * Takes it away after a build, unless it was staged anew for a later one.
   *
   * @param began when that build began; null: whenever it was staged
   */
  void remove(BuildContext context, @Nullable Instant began) throws InterruptedException {
    String key = key(context);
    try {
      HeadObjectResponse found =
          Calls.of(() -> clients.s3().headObject(ask -> ask.bucket(bucket).key(key)));
      // Both are AWS's own clocks; S3's has whole seconds.
      if (began == null || !found.lastModified().isAfter(began)) {
        Calls.of(() -> clients.s3().deleteObject(ask -> ask.bucket(bucket).key(key)));
      }
    } catch (NoSuchKeyException e) {
      // Another who waited for the same build has taken it away.
      return;
    }
  }

  /** Deletes contexts that are an hour old and that no running build reads. */
  List<String> reap(Set<String> inUse) throws InterruptedException {
    List<String> report = new ArrayList<>();
    List<S3Object> all =
        Calls.of(() ->
            clients
                .s3()
                .listObjectsV2Paginator(ask -> ask.bucket(bucket).prefix(prefix))
                .contents()
                .stream()
                .toList());
    for (S3Object object : all) {
      boolean young = object.lastModified().plus(YOUNG).isAfter(Instant.now());
      if (!young && !inUse.contains(bucket + "/" + object.key())) {
        Calls.of(() -> clients.s3().deleteObject(ask -> ask.bucket(bucket).key(object.key())));
        report.add("s3://" + bucket + "/" + object.key() + ": deleted");
      }
    }
    return report;
  }
}
