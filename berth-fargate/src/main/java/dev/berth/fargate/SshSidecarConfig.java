package dev.berth.fargate;

import dev.berth.Command;
import dev.berth.RequestException;
import dev.berth.spi.ConfigSection;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The container beside the sandbox that lets us in by SSH.
 *
 * @param sshdPort where its sshd listens
 * @param sshReadyTimeout how long it may take to answer, once the task has an address
 * @param publicKeySecretArn the secret whose text is the public key that may log in; empty: none
 * @param privateKeySecretArn the secret whose text is our private key
 * @param image its image; null: the provider's default
 * @param execServerPort where the guest listens in the task: exec-server mode; null: agent-server
 *     mode
 */
public record SshSidecarConfig(
    int sshdPort,
    Duration sshReadyTimeout,
    String publicKeySecretArn,
    String privateKeySecretArn,
    @Nullable String image,
    @Nullable Integer execServerPort) {
  /** No secrets yet, and agent-server mode. */
  public static final SshSidecarConfig DEFAULT =
      new SshSidecarConfig(2222, Duration.ofMinutes(2), "", "", null, null);

  /** Checks the ports. */
  public SshSidecarConfig {
    if (sshdPort < 1 || sshdPort > 65535) {
      throw new RequestException(
          "Tried to set ssh_sidecar.sshd_port to " + sshdPort + "; ports are 1 to 65535.");
    }
    if (execServerPort != null && (execServerPort < 1024 || execServerPort > 65535)) {
      throw new RequestException(
          "Tried to set ssh_sidecar.exec_server_port to "
              + execServerPort
              + "; it must be 1024 to 65535, because the guest may not be root.");
    }
    if (execServerPort != null && execServerPort == sshdPort) {
      throw new RequestException(
          "Tried to set ssh_sidecar.exec_server_port and sshd_port both to "
              + sshdPort
              + "; the two containers share one network, so they must differ.");
    }
    if (sshReadyTimeout.isZero() || sshReadyTimeout.isNegative()) {
      throw new RequestException(
          "Tried to set ssh_sidecar.ssh_ready_timeout_sec to "
              + sshReadyTimeout
              + "; it must be above zero.");
    }
  }

  /** The same with these secrets. */
  public SshSidecarConfig withSecrets(String publicKey, String privateKey) {
    return new SshSidecarConfig(
        sshdPort, sshReadyTimeout, publicKey, privateKey, image, execServerPort);
  }

  /** The same with this image. */
  public SshSidecarConfig withImage(String other) {
    return new SshSidecarConfig(
        sshdPort, sshReadyTimeout, publicKeySecretArn, privateKeySecretArn, other, execServerPort);
  }

  /** The same in exec-server mode, with the guest at this port. */
  public SshSidecarConfig withExecServerPort(int port) {
    return new SshSidecarConfig(
        sshdPort, sshReadyTimeout, publicKeySecretArn, privateKeySecretArn, image, port);
  }

  /** The same with another port of sshd. */
  public SshSidecarConfig withSshdPort(int port) {
    return new SshSidecarConfig(
        port, sshReadyTimeout, publicKeySecretArn, privateKeySecretArn, image, execServerPort);
  }

  /** The same with another wait for sshd. */
  public SshSidecarConfig withSshReadyTimeout(Duration timeout) {
    return new SshSidecarConfig(
        sshdPort, timeout, publicKeySecretArn, privateKeySecretArn, image, execServerPort);
  }

  /** Where this leaves a secret or the image open, the other's. */
  SshSidecarConfig orElse(SshSidecarConfig other) {
    return new SshSidecarConfig(
        sshdPort,
        sshReadyTimeout,
        publicKeySecretArn.isEmpty() ? other.publicKeySecretArn : publicKeySecretArn,
        privateKeySecretArn.isEmpty() ? other.privateKeySecretArn : privateKeySecretArn,
        image == null ? other.image : image,
        execServerPort);
  }

  static SshSidecarConfig read(ConfigSection section) {
    String publicKey = section.text("public_key_secret_arn");
    String privateKey = section.text("private_key_secret_arn");
    int port = section.integer("exec_server_port", 0, 1024, 65535);
    Duration ready = section.seconds("ssh_ready_timeout_sec", DEFAULT.sshReadyTimeout());
    if (ready.equals(Command.FOREVER)) {
      throw section.wrong("ssh_ready_timeout_sec", null, "a number of seconds above 0");
    }
    return new SshSidecarConfig(
        section.integer("sshd_port", DEFAULT.sshdPort(), 1, 65535),
        ready,
        publicKey == null ? "" : publicKey,
        privateKey == null ? "" : privateKey,
        section.text("image"),
        port == 0 ? null : port);
  }
}
