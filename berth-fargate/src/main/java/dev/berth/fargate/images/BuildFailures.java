package dev.berth.fargate.images;

import dev.berth.CreateException;
import dev.berth.SandboxException;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.codebuild.model.Build;
import software.amazon.awssdk.services.codebuild.model.BuildPhase;
import software.amazon.awssdk.services.codebuild.model.PhaseContext;
import software.amazon.awssdk.services.codebuild.model.StatusType;

/** How a build that came to nothing is said. */
final class BuildFailures {
  private static final String PROVIDER = "ecs_fargate";
  private static final int LONGEST_CONTEXT = 500;

  private BuildFailures() {}

  static CreateException late(Duration atMost) {
    return new CreateException(
        PROVIDER,
        null,
        "Tried to wait for the build of an image, but it was not over after "
            + atMost
            + "; raise codebuild_build_timeout, or see in CodeBuild's console why it waits.",
        null);
  }

  static CreateException refused(String tried, String why, @Nullable Exception cause) {
    return new CreateException(PROVIDER, null, "Tried to " + tried + ", but " + why, cause);
  }

  /** Something that AWS, or the way there, refused. */
  static SandboxException refused(String tried, SdkException e) {
    String reason = String.valueOf(e.getMessage());
    return refused(
        tried,
        reason
            + (reason.endsWith(".") ? "" : ".")
            + " See docs/fargate.md for what must exist and who may do what.",
        e);
  }

  /** A build that ended and is not to be tried again. */
  static CreateException ended(String tried, Build build, List<String> tail) {
    StringBuilder text = new StringBuilder("Tried to ").append(tried);
    text.append(", but CodeBuild's build ")
        .append(build.id())
        .append(" ended with ")
        .append(build.buildStatusAsString());
    for (BuildPhase phase : build.phases()) {
      boolean failed =
          phase.phaseStatus() != null
              && phase.phaseStatus() != StatusType.SUCCEEDED
              && phase.phaseStatus() != StatusType.IN_PROGRESS;
      if (failed) {
        text.append(" in its phase ").append(phase.phaseTypeAsString());
        for (PhaseContext context : phase.contexts()) {
          String message = context.message() == null ? "" : context.message();
          text.append(": ").append(Lines.clean(message, LONGEST_CONTEXT));
        }
        break;
      }
    }
    text.append("; ").append(remedy(build));
    if (tail.isEmpty()) {
      text.append(" It has no log that could be read.");
    } else {
      text.append(" Its log ends:");
      tail.forEach(line -> text.append("\n  ").append(line));
    }
    return new CreateException(PROVIDER, null, text.toString(), null);
  }

  private static String remedy(Build build) {
    return switch (build.buildStatus()) {
      case TIMED_OUT -> "make it quicker, or raise codebuild_build_timeout.";
      case STOPPED -> "somebody stopped it; ask for the image again.";
      case FAULT -> "CodeBuild itself failed; ask for the image again.";
      default -> "correct what it says last.";
    };
  }
}
