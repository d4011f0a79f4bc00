package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The words of AWS's documents, and words that look like them. */
class EcsTextsTest {
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
        "RESOURCE:ENI",
        "You've reached the limit on the number of tasks you can run concurrently"
      })
  void noRoomIsKnown(String text) {
    assertThat(EcsTexts.noRoom(text)).isTrue();
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
