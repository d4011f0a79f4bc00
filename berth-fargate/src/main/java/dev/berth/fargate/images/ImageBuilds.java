package dev.berth.fargate.images;

import dev.berth.RequestException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import software.amazon.awssdk.core.exception.AbortedException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * Images in ECR, made when they are first asked for: from a folder with a Dockerfile, or as a copy
 * of a public one. However many threads, processes and hosts ask for one, it is built once, and all
 * get it, or the failure of that build. Thread-safe.
 */
public final class ImageBuilds {
  /** What a build may take beyond its own limits: uploads, throttling, a log that comes late. */
  private static final Duration MARGIN = Duration.ofMinutes(10);

  private final BuildClients clients;
  private final BuildSettings settings;
  private final Path locks;
  private final Builds builds;

  /**
   * Nothing is asked of AWS here.
   *
   * @param locks a folder of this user, where processes of this host find each other
   */
  public ImageBuilds(BuildClients clients, BuildSettings settings, Path locks) {
    this.clients = clients;
    this.settings = settings;
    this.locks = locks;
    this.builds = new Builds(clients, settings);
  }

  /**
   * The full URL of the image that a folder's Dockerfile makes; built if the repository has none of
   * this content.
   *
   * @param name begins its tag, for people
   * @param force builds it also if it is there; joins a build of the same that is under way
   * @param progress takes lines for people: where the build is, and its log
   * @throws dev.berth.RequestException if a setting is missing, or the folder is no context
   * @throws dev.berth.CreateException if the build failed; its message ends with the log's end
   */
  public String build(Path folder, String name, boolean force, Consumer<String> progress)
      throws InterruptedException {
    String tried = "build an image from " + folder;
    settings.check(tried, true);
    BuildContext context = BuildContext.of(folder);
    return ensure(new Order(tried, Tags.of(name, context.hash()), context, null), force, progress);
  }

  /**
   * The full URL of a public image's copy; the image itself if it is not in a public registry. It
   * is copied once, whatever becomes of its tag in its own registry, unless {@code force} asks for
   * it anew.
   */
  public String mirror(String image, boolean force, Consumer<String> progress)
      throws InterruptedException {
    Optional<Tags.Public> source = Tags.Public.of(image);
    if (source.isEmpty()) {
      return image;
    }
    String reference = source.get().reference();
    String tried = "copy the image " + reference + " into ECR";
    settings.check(tried, false);
    return ensure(new Order(tried, source.get().mirrorTag(), null, reference), force, progress);
  }

  /** Deletes staged contexts that are nobody's any more; a line for each. */
  public List<String> reap() throws InterruptedException {
    if (settings.bucket() == null) {
      return List.of();
    }
    try {
      Set<String> inUse =
          builds.running().stream()
              .filter(build -> build.source() != null && build.source().location() != null)
              .map(build -> build.source().location())
              .collect(Collectors.toSet());
      return new Stage(clients, settings).reap(inUse);
    } catch (AbortedException e) {
      throw Calls.interrupted();
    } catch (SdkException e) {
      return List.of(
          "s3://"
              + settings.bucket()
              + "/"
              + settings.stagePrefix()
              + ": could not be cleared up: "
              + e.getMessage());
    }
  }

  /**
   * Looks whether repository, bucket and project are there, and says which they are. Makes nothing.
   *
   * @throws dev.berth.RequestException if one of them is not
   */
  public String examine() throws InterruptedException {
    Repository repository = Repository.find(clients, Objects.requireNonNull(settings.repository()));
    String bucket = settings.bucket();
    if (bucket != null) {
      try {
        Calls.of(() -> clients.s3().headBucket(ask -> ask.bucket(bucket)));
      } catch (S3Exception e) {
        // The answer has no body, and so no words of its own.
        throw new RequestException(
            "Tried to look at the S3 bucket "
                + bucket
                + ", but S3 answered with status "
                + e.statusCode()
                + "; create it in this region, name another as s3_bucket, or let this host use it.");
      }
    }
    settings.check("find out what builds images", false);
    return repository.uri()
        + (bucket == null ? "; without s3_bucket only copies" : "; contexts in " + bucket)
        + "; "
        + new CodeBuildProject(clients, settings).examine();
  }

  private String ensure(Order order, boolean force, Consumer<String> progress)
      throws InterruptedException {
    Duration atMost = limit();
    String key = clients.region() + " " + settings.repository() + " " + order.tag() + " " + force;
    return Shared.run(
        key,
        atMost,
        progress,
        self -> {
          try {
            return new Making(clients, settings, locks, order, force, atMost, self).run();
          } catch (AbortedException e) {
            throw Calls.interrupted();
          } catch (SdkException e) {
            throw BuildFailures.refused(order.tried(), e);
          }
        });
  }

  private Duration limit() {
    return settings.timeout().plus(Builds.queued(settings.timeout())).plus(MARGIN);
  }
}
