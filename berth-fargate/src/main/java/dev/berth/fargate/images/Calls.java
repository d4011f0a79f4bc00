package dev.berth.fargate.images;

import dev.berth.fargate.Pace;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.AbortedException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.exception.SdkServiceException;
import software.amazon.awssdk.services.codebuild.model.AccountLimitExceededException;

/**
 * Calls to the services that build: at a rate that they bear, tried again while they are throttled.
 */
final class Calls {
  private static final int MOST_TRIES = 30;
  private static final Duration FIRST_PAUSE = Duration.ofMillis(500);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(20);

  /** CodeBuild documents no rates; its calls were seen throttled above some ten a second. */
  private static final Pace PACE = new Pace(10, Duration.ofMillis(150));

  private Calls() {}

  /** One call. */
  interface Call<T> {
    T run();
  }

  static <T> T of(Call<T> call) throws InterruptedException {
    for (int tries = 0; ; tries++) {
      PACE.await();
      try {
        return call.run();
      } catch (AbortedException e) {
        throw interrupted();
      } catch (AwsServiceException e) {
        boolean later = e.isThrottlingException() || e instanceof AccountLimitExceededException;
        if (!later || tries == MOST_TRIES) {
          throw e;
        }
      }
      pause(Pace.backoff(tries, FIRST_PAUSE, LONGEST_PAUSE));
    }
  }

  /** Whether a failure may pass by itself: of the network, or of the service. */
  static boolean passes(SdkException e) {
    if (e instanceof SdkServiceException service) {
      return service.isThrottlingException() || service.statusCode() >= 500;
    }
    return e instanceof SdkClientException && !(e instanceof AbortedException);
  }

  /** The SDK says an interrupt as an error of its own. */
  static InterruptedException interrupted() {
    boolean cleared = Thread.interrupted();
    return new InterruptedException(cleared ? "interrupted" : "aborted");
  }

  static void pause(Duration pause) throws InterruptedException {
    TimeUnit.NANOSECONDS.sleep(pause.toNanos());
  }
}
