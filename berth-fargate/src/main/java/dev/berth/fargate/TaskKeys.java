package dev.berth.fargate;

import dev.berth.RequestException;
import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.core.exception.SdkException;

/**
 * What the secret of {@code private_key_secret_arn} holds: our private key, and the public host
 * keys that a sidecar may show, one a line. It is kept in memory alone.
 */
record TaskKeys(String privateKey, List<String> hostKeys) {
  /** Fetches it. */
  static TaskKeys fetch(Aws aws, String arn) {
    try {
      String text = aws.secrets().getSecretValue(ask -> ask.secretId(arn)).secretString();
      return parse(arn, text == null ? "" : text);
    } catch (SdkException e) {
      throw Aws.failed(
          null,
          "read the secret " + arn + " (private_key_secret_arn)",
          e,
          " Allow secretsmanager:GetSecretValue on it to this host's role, and to no task.");
    }
  }

  static TaskKeys parse(String arn, String text) {
    StringBuilder key = new StringBuilder();
    List<String> hosts = new ArrayList<>();
    boolean within = false;
    for (String line : text.lines().toList()) {
      within |= line.startsWith("-----BEGIN");
      if (within) {
        key.append(line).append('\n');
      } else if (line.startsWith("ssh-") || line.startsWith("ecdsa-")) {
        hosts.add(line.strip());
      }
      within &= !line.startsWith("-----END");
    }
    if (key.isEmpty() || hosts.isEmpty()) {
      throw new RequestException(
          FargateProvider.NAME,
          null,
          "Tried to use the secret "
              + arn
              + " (private_key_secret_arn), but it holds no "
              + (key.isEmpty() ? "private key" : "public host key of the sidecar")
              + "; it must hold a private key in OpenSSH's form and, on a line of its own, the"
              + " public half of the host key that is in the secret of public_key_secret_arn.",
          null);
    }
    return new TaskKeys(key.toString(), List.copyOf(hosts));
  }

  /** Nothing of what it holds. */
  @Override
  public String toString() {
    return "TaskKeys";
  }
}
