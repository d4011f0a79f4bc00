package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.services.ecs.model.EcsException;

/** The words of AWS's documents, and words that look like them. */
class EcsTextsTest {
  private static final String DENIED =
      "User: arn:aws:iam::123456789012:user/x is not authorized to perform: ecs:RunTask on"
          + " resource: arn:aws:ecs:eu-central-1:123456789012:task-definition/x because no"
          + " identity-based policy allows the ecs:RunTask action";

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Rate exceeded",
        "ThrottlingException: Rate exceeded",
        "Unable to assume role: An error occurred (Throttling) when calling AssumeRole",
        "RequestLimitExceeded: Request limit exceeded.",
        "TooManyRequestsException: Too Many Requests"
      })
  void throttlingIsKnownInAnyWords(String text) {
    assertThat(EcsTexts.throttled(text)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Capacity is unavailable at this time. Please try again later or in a different"
            + " availability zone",
        "You've reached the limit on the number of tasks you can run concurrently"
      })
  void noRoomIsKnown(String text) {
    assertThat(EcsTexts.noRoom(text)).isTrue();
  }

  @Test
  void aResourceIsMissingOnlyWhereAFailuresReasonBeginsWithIt() {
    assertThat(EcsTexts.noRoomBecause("RESOURCE:ENI")).isTrue();
    assertThat(EcsTexts.noRoomBecause("Capacity is unavailable at this time")).isTrue();
    assertThat(EcsTexts.noRoomBecause("MISSING")).isFalse();
    assertThat(EcsTexts.noRoom(DENIED)).isFalse();
    assertThat(EcsTexts.noRoomBecause(DENIED)).isFalse();
  }

  /** Not even where the resource's name says what passes. */
  @Test
  void whatIsDeniedIsNotTriedAgain() {
    assertThat(Tasks.passes(refusal("AccessDeniedException", DENIED))).isFalse();
    assertThat(Tasks.passes(refusal("AccessDeniedException", DENIED + " throttled"))).isFalse();
    assertThat(Tasks.passes(refusal("ThrottlingException", "Rate exceeded"))).isTrue();
    assertThat(Tasks.passes(refusal("ClientException", "Rate exceeded"))).isTrue();
    assertThat(Tasks.passes(refusal("ClientException", "Cluster not found."))).isFalse();
  }

  private static AwsServiceException refusal(String code, String text) {
    return EcsException.builder()
        .statusCode(400)
        .message(text)
        .awsErrorDetails(AwsErrorDetails.builder().errorCode(code).errorMessage(text).build())
        .build();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "MISSING",
        "Cluster not found.",
        "No Container Instances were found in your cluster."
      })
  void whatWillNotPassIsNeither(String text) {
    assertThat(EcsTexts.throttled(text)).isFalse();
    assertThat(EcsTexts.noRoom(text)).isFalse();
  }

  @Test
  void definitionsThatAreGoneAreKnown() {
    assertThat(EcsTexts.inactiveDefinition("TaskDefinition is inactive")).isTrue();
    assertThat(EcsTexts.missingDefinition("Unable to describe task definition.")).isTrue();
    assertThat(EcsTexts.inactiveDefinition("TaskDefinition not found.")).isFalse();
  }
}
