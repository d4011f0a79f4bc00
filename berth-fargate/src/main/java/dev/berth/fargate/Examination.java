package dev.berth.fargate;

import dev.berth.SandboxException;
import dev.berth.spi.Finding;
import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.core.exception.SdkException;

/**
 * What a look at an account has found so far, in order. A question that AWS does not answer is a
 * finding too. Not thread-safe.
 */
final class Examination {
  private final List<Finding> findings = new ArrayList<>();

  /** One question to AWS; what it gives is the finding. */
  interface Question {
    String ask();
  }

  /** Several questions, whose findings are noted by whoever asks. */
  interface Look {
    void at();
  }

  List<Finding> findings() {
    return List.copyOf(findings);
  }

  /** Asks what a sandbox needs an answer to. */
  boolean asked(String subject, Question question, String remedy) {
    try {
      ok(subject, question.ask());
      return true;
    } catch (SdkException e) {
      failure(subject, Aws.reason(e), remedy);
    } catch (SandboxException e) {
      failure(subject, String.valueOf(e.getMessage()), remedy);
    }
    return false;
  }

  /**
   * Looks at what sandboxes do without: a refusal for lack of permission says nothing about them.
   *
   * @param permission what is to be allowed, to see more
   */
  void looked(String subject, String permission, Look look, String remedy) {
    try {
      look.at();
    } catch (SdkException e) {
      if (Aws.denied(e)) {
        warning(subject, "it could not be looked at: " + Aws.reason(e), allow(permission));
      } else {
        failure(subject, Aws.reason(e), remedy);
      }
    } catch (SandboxException e) {
      failure(subject, String.valueOf(e.getMessage()), remedy);
    }
  }

  /** Asks what only some sandboxes need an answer to: its lack is no failure. */
  void wanted(String subject, String permission, Question question, String remedy) {
    try {
      ok(subject, question.ask());
    } catch (SdkException e) {
      warning(subject, Aws.reason(e), Aws.denied(e) ? allow(permission) : remedy);
    } catch (SandboxException e) {
      warning(subject, String.valueOf(e.getMessage()), remedy);
    }
  }

  static String allow(String permission) {
    return "Sandboxes do without; to have it checked, allow this host " + permission + ".";
  }

  void ok(String subject, String observation) {
    findings.add(new Finding(subject, Finding.Level.OK, observation, ""));
  }

  void warning(String subject, String observation, String remedy) {
    findings.add(new Finding(subject, Finding.Level.WARNING, observation, remedy));
  }

  void failure(String subject, String observation, String remedy) {
    findings.add(new Finding(subject, Finding.Level.FAILURE, observation, remedy));
  }

  /** Adds what somebody else has found. */
  void all(List<Finding> others) {
    findings.addAll(others);
  }
}
