package dev.berth.fargate;

import dev.berth.CreateException;
import dev.berth.SandboxException;
import dev.berth.UnsupportedRequestException;
import dev.berth.fargate.images.BuildClients;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.awscore.client.builder.AwsSyncClientBuilder;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.client.config.ClientOverrideConfiguration;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.retries.DefaultRetryStrategy;
import software.amazon.awssdk.services.cloudwatchlogs.CloudWatchLogsClient;
import software.amazon.awssdk.services.codebuild.CodeBuildClient;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ecr.EcrClient;
import software.amazon.awssdk.services.ecs.EcsClient;
import software.amazon.awssdk.services.iam.IamClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.ssm.SsmClient;
import software.amazon.awssdk.services.sts.StsClient;
import software.amazon.awssdk.utils.SdkAutoCloseable;

/**
 * The clients of one account and region, each made when it is first used, all over one HTTP client.
 * Credentials, endpoints and proxies are found as every AWS tool finds them. Thread-safe.
 */
final class Aws implements AutoCloseable, BuildClients {
  private static final Duration CONNECT = Duration.ofSeconds(5);
  private static final Duration ATTEMPT = Duration.ofSeconds(20);
  private static final Duration CALL = Duration.ofSeconds(60);

  /** Gigabytes over a slow line; one that stands still is noticed by the socket's own limit. */
  private static final Duration UPLOAD = Duration.ofHours(1);

  /** As the services' error codes say it; not all of them answer with status 403. */
  private static final Set<String> DENIED =
      Set.of("AccessDenied", "AccessDeniedException", "UnauthorizedOperation");

  private final @Nullable String region;
  private final ReentrantLock lock = new ReentrantLock();
  private final List<SdkAutoCloseable> built = new ArrayList<>();

  /** For the time limits of all calls; left to itself, each client starts five threads for them. */
  private @Nullable ScheduledThreadPoolExecutor clock;

  private @Nullable SdkHttpClient http;
  private @Nullable EcsClient ecs;
  private @Nullable EcsClient ecsOnce;
  private @Nullable IamClient iam;
  private @Nullable SsmClient ssm;
  private @Nullable Ec2Client ec2;
  private @Nullable SecretsManagerClient secrets;
  private @Nullable CloudWatchLogsClient logs;
  private @Nullable StsClient sts;
  private @Nullable EcrClient ecr;
  private @Nullable CodeBuildClient codebuild;
  private @Nullable S3Client s3;

  Aws(@Nullable String region) {
    this.region = region;
  }

  /** The region, by whatever way it was found. */
  @Override
  public String region() {
    return region == null ? ecs().serviceClientConfiguration().region().id() : region;
  }

  EcsClient ecs() {
    return locked(() -> {
      EcsClient client = ecs;
      if (client == null) {
        client = build(EcsClient.builder());
        ecs = client;
      }
      return client;
    });
  }

  /** The same, but sends each call once: for calls whose rate and repetition are ours to keep. */
  EcsClient ecsOnce() {
    return locked(() -> {
      EcsClient client = ecsOnce;
      if (client == null) {
        client = build(EcsClient.builder(), 1, ATTEMPT, CALL);
        ecsOnce = client;
      }
      return client;
    });
  }

  IamClient iam() {
    return locked(() -> {
      IamClient client = iam;
      if (client == null) {
        client = build(IamClient.builder());
        iam = client;
      }
      return client;
    });
  }

  SsmClient ssm() {
    return locked(() -> {
      SsmClient client = ssm;
      if (client == null) {
        client = build(SsmClient.builder());
        ssm = client;
      }
      return client;
    });
  }

  Ec2Client ec2() {
    return locked(() -> {
      Ec2Client client = ec2;
      if (client == null) {
        client = build(Ec2Client.builder());
        ec2 = client;
      }
      return client;
    });
  }

  SecretsManagerClient secrets() {
    return locked(() -> {
      SecretsManagerClient client = secrets;
      if (client == null) {
        client = build(SecretsManagerClient.builder());
        secrets = client;
      }
      return client;
    });
  }

  @Override
  public CloudWatchLogsClient logs() {
    return locked(() -> {
      CloudWatchLogsClient client = logs;
      if (client == null) {
        client = build(CloudWatchLogsClient.builder());
        logs = client;
      }
      return client;
    });
  }

  StsClient sts() {
    return locked(() -> {
      StsClient client = sts;
      if (client == null) {
        client = build(StsClient.builder());
        sts = client;
      }
      return client;
    });
  }

  @Override
  public EcrClient ecr() {
    return locked(() -> {
      EcrClient client = ecr;
      if (client == null) {
        client = build(EcrClient.builder());
        ecr = client;
      }
      return client;
    });
  }

  @Override
  public CodeBuildClient codebuild() {
    return locked(() -> {
      CodeBuildClient client = codebuild;
      if (client == null) {
        client = build(CodeBuildClient.builder());
        codebuild = client;
      }
      return client;
    });
  }

  @Override
  public S3Client s3() {
    return locked(() -> {
      S3Client client = s3;
      if (client == null) {
        client = build(S3Client.builder(), 3, UPLOAD, UPLOAD);
        s3 = client;
      }
      return client;
    });
  }

  /**
   * Says what was tried when AWS, or the way there, refused.
   *
   * <p>A missing region or missing credentials are this host's matter, all else the sandbox's.
   */
  static SandboxException failed(
      @Nullable String sandbox, String tried, SdkException e, String remedy) {
    String message = "Tried to " + tried + ", but " + reason(e) + remedy;
    return e instanceof SdkClientException && EcsTexts.unconfigured(reason(e))
        ? new UnsupportedRequestException(FargateProvider.NAME, sandbox, message, e)
        : new CreateException(FargateProvider.NAME, sandbox, message, e);
  }

  /** Whether AWS refused for lack of permission. */
  static boolean denied(SdkException e) {
    return e instanceof AwsServiceException service
        && (service.statusCode() == 403
            || service.awsErrorDetails() != null
                && DENIED.contains(String.valueOf(service.awsErrorDetails().errorCode())));
  }

  /** AWS's own words, ended by a full stop. */
  static String reason(Throwable e) {
    String text = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    return text.endsWith(".") ? text : text + ".";
  }

  private <
          B extends AwsSyncClientBuilder<B, C> & AwsClientBuilder<B, C>, C extends SdkAutoCloseable>
      C build(B builder) {
    // Only for a moment's trouble; what lasts is retried by who knows what it means.
    return build(builder, 3, ATTEMPT, CALL);
  }

  private <
          B extends AwsSyncClientBuilder<B, C> & AwsClientBuilder<B, C>, C extends SdkAutoCloseable>
      C build(B builder, int attempts, Duration attempt, Duration call) {
    SdkHttpClient shared = http;
    if (shared == null) {
      shared =
          UrlConnectionHttpClient.builder()
              .connectionTimeout(CONNECT)
              .socketTimeout(ATTEMPT)
              .build();
      http = shared;
    }
    ScheduledThreadPoolExecutor limits = clock;
    if (limits == null) {
      limits =
          new ScheduledThreadPoolExecutor(
              1, Thread.ofPlatform().daemon().name("berth-aws-clock").factory());
      limits.setRemoveOnCancelPolicy(true);
      clock = limits;
    }
    builder
        .httpClient(shared)
        .overrideConfiguration(
            ClientOverrideConfiguration.builder()
                .apiCallAttemptTimeout(attempt)
                .apiCallTimeout(call)
                .scheduledExecutorService(limits)
                .retryStrategy(
                    DefaultRetryStrategy.standardStrategyBuilder().maxAttempts(attempts).build())
                .build());
    if (region != null) {
      builder.region(Region.of(region));
    }
    C client = builder.build();
    built.add(client);
    return client;
  }

  private <C> C locked(Supplier<C> client) {
    lock.lock();
    try {
      return client.get();
    } catch (SdkClientException e) {
      throw failed(
          null,
          "reach AWS",
          e,
          " Set region in the configuration, or AWS_REGION, and credentials.");
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    lock.lock();
    try {
      built.forEach(SdkAutoCloseable::close);
      SdkHttpClient shared = http;
      if (shared != null) {
        shared.close();
      }
      ScheduledThreadPoolExecutor limits = clock;
      if (limits != null) {
        limits.shutdownNow();
      }
    } finally {
      lock.unlock();
    }
  }
}
