package dev.berth;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a sandbox is made of. Immutable; made with {@link #of} or {@link #builder()}. What a
 * provider cannot do it refuses with an {@link UnsupportedRequestException} or says in {@link
 * Sandbox#notices()}; nothing is dropped silently.
 *
 * @param image a {@code .sif} file, a folder, a URI such as {@code docker://alpine:3.20}, or a bare
 *     image name; absent for providers without images
 * @param ttl how long the sandbox may live; absent for no limit
 * @param idleLimit how long it may live with nothing running in it and nobody asking; absent for no
 *     limit
 * @param lease how long it outlives the host process that owns it; absent for the provider's
 *     default of 30 s
 * @param readyTimeout how long it may take to come up; absent for the provider's default
 * @param workdir the default working directory, absolute; absent for the image's, else {@code /}
 * @param user who runs commands by default; absent for the user that the provider runs the sandbox
 *     as
 * @param env variables for every command
 * @param files path in the sandbox → text, written as soon as it runs; if that fails, the sandbox
 *     is torn down
 * @param metadata labels that say what the sandbox is for; kept with it, shown by {@code berth ps}
 * @param entrypoint a command started in the background as soon as the sandbox runs; empty for none
 * @param providerOptions options that only one provider knows, name → values; an unknown one is an
 *     error
 * @param ports ports of servers in the sandbox for which {@link Endpoints} gives addresses
 * @param environmentDir a folder with a Dockerfile, for providers that build images; absent for
 *     none
 * @param network what network the sandbox sees
 * @param outsideEndpoints services of the outside that the sandbox needs
 */
public record SandboxSpec(
    @Nullable String image,
    @Nullable Duration ttl,
    @Nullable Duration idleLimit,
    @Nullable Duration lease,
    @Nullable Duration readyTimeout,
    @Nullable String workdir,
    @Nullable String user,
    Map<String, String> env,
    Map<String, String> files,
    Map<String, String> metadata,
    SandboxResources resources,
    List<String> entrypoint,
    Map<String, List<String>> providerOptions,
    List<Integer> ports,
    List<Volume> volumes,
    @Nullable String environmentDir,
    Network network,
    List<OutsideEndpoint> outsideEndpoints) {

  /** Checks and copies. */
  public SandboxSpec {
    if (image != null && image.isBlank()) {
      throw new RequestException(
          "Tried to use an empty image name; name a .sif file, a folder, a URI or an image such as alpine:3.20.");
    }
    if (image != null) {
      Checks.noNul("image", image);
    }
    positive("ttl", ttl);
    positive("idle_limit", idleLimit);
    positive("lease", lease);
    positive("ready_timeout", readyTimeout);
    if (workdir != null) {
      Checks.absolute("workdir", workdir);
    }
    env.forEach((name, value) -> {
      Checks.environmentName(name);
      Checks.noNul("the value of " + name, value);
    });
    files.keySet().forEach(path -> Checks.absolute("the path of a file", path));
    entrypoint.forEach(argument -> Checks.noNul("an argument of the entrypoint", argument));
    for (int port : ports) {
      if (port < 1 || port > 65535) {
        throw new RequestException("Tried to declare port " + port + "; ports are 1 to 65535.");
      }
    }
    if (new LinkedHashSet<>(ports).size() != ports.size()) {
      throw new RequestException(
          "Tried to declare the ports " + ports + "; each may be named once.");
    }
    env = Collections.unmodifiableMap(new LinkedHashMap<>(env));
    files = Collections.unmodifiableMap(new LinkedHashMap<>(files));
    metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
    Map<String, List<String>> options = new LinkedHashMap<>();
    providerOptions.forEach((name, values) -> options.put(name, List.copyOf(values)));
    providerOptions = Collections.unmodifiableMap(options);
    entrypoint = List.copyOf(entrypoint);
    ports = List.copyOf(ports);
    volumes = List.copyOf(volumes);
    outsideEndpoints = List.copyOf(outsideEndpoints);
  }

  private static void positive(String name, @Nullable Duration duration) {
    if (duration != null && (duration.isNegative() || duration.isZero())) {
      throw new RequestException(
          "Tried to set " + name + " to " + duration + "; it must be above zero.");
    }
  }

  /** A sandbox from this image, with all defaults. */
  public static SandboxSpec of(String image) {
    return builder().image(image).build();
  }

  /** Starts with all defaults. */
  public static Builder builder() {
    return new Builder();
  }

  /** A builder that starts from this spec. */
  public Builder toBuilder() {
    Builder builder = new Builder();
    builder.image = image;
    builder.ttl = ttl;
    builder.idleLimit = idleLimit;
    builder.lease = lease;
    builder.readyTimeout = readyTimeout;
    builder.workdir = workdir;
    builder.user = user;
    builder.env.putAll(env);
    builder.files.putAll(files);
    builder.metadata.putAll(metadata);
    builder.resources = resources;
    builder.entrypoint = entrypoint;
    builder.providerOptions.putAll(providerOptions);
    builder.ports.addAll(ports);
    builder.volumes.addAll(volumes);
    builder.environmentDir = environmentDir;
    builder.network = network;
    builder.outsideEndpoints.addAll(outsideEndpoints);
    return builder;
  }

  /**
   * The names of what is set, never the values of {@code env} and {@code files}: they may be
   * secret.
   */
  @Override
  public String toString() {
    return "SandboxSpec[image="
        + image
        + ", env="
        + env.keySet()
        + ", files="
        + files.keySet()
        + ", metadata="
        + metadata
        + ", resources="
        + resources
        + "]";
  }

  /**
   * Collects the parts of a spec. Not thread-safe. Each method takes what the record's component of
   * that name says; those that name one thing add to what is there.
   */
  public static final class Builder {
    private @Nullable String image;
    private @Nullable Duration ttl;
    private @Nullable Duration idleLimit;
    private @Nullable Duration lease;
    private @Nullable Duration readyTimeout;
    private @Nullable String workdir;
    private @Nullable String user;
    private final Map<String, String> env = new LinkedHashMap<>();
    private final Map<String, String> files = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private SandboxResources resources = SandboxResources.NONE;
    private List<String> entrypoint = List.of();
    private final Map<String, List<String>> providerOptions = new LinkedHashMap<>();
    private final List<Integer> ports = new ArrayList<>();
    private final List<Volume> volumes = new ArrayList<>();
    private @Nullable String environmentDir;
    private Network network = Network.HOST;
    private final List<OutsideEndpoint> outsideEndpoints = new ArrayList<>();

    private Builder() {}

    public Builder image(String image) {
      this.image = image;
      return this;
    }

    public Builder ttl(Duration ttl) {
      this.ttl = ttl;
      return this;
    }

    public Builder idleLimit(Duration idleLimit) {
      this.idleLimit = idleLimit;
      return this;
    }

    public Builder lease(Duration lease) {
      this.lease = lease;
      return this;
    }

    public Builder readyTimeout(Duration readyTimeout) {
      this.readyTimeout = readyTimeout;
      return this;
    }

    public Builder workdir(String workdir) {
      this.workdir = workdir;
      return this;
    }

    public Builder user(String user) {
      this.user = user;
      return this;
    }

    public Builder env(String name, String value) {
      env.put(name, value);
      return this;
    }

    public Builder env(Map<String, String> variables) {
      env.putAll(variables);
      return this;
    }

    public Builder file(String path, String text) {
      files.put(path, text);
      return this;
    }

    public Builder metadata(String name, String value) {
      metadata.put(name, value);
      return this;
    }

    public Builder metadata(Map<String, String> labels) {
      metadata.putAll(labels);
      return this;
    }

    public Builder resources(SandboxResources resources) {
      this.resources = resources;
      return this;
    }

    public Builder entrypoint(List<String> arguments) {
      this.entrypoint = arguments;
      return this;
    }

    public Builder providerOption(String name, List<String> values) {
      providerOptions.put(name, values);
      return this;
    }

    public Builder port(int port) {
      ports.add(port);
      return this;
    }

    public Builder volume(Volume volume) {
      volumes.add(volume);
      return this;
    }

    public Builder environmentDir(String folder) {
      this.environmentDir = folder;
      return this;
    }

    public Builder network(Network network) {
      this.network = network;
      return this;
    }

    public Builder outsideEndpoint(String url, String envVar) {
      outsideEndpoints.add(new OutsideEndpoint(url, envVar));
      return this;
    }

    /**
     * The spec.
     *
     * @throws RequestException if a part is out of its range; the message names what is allowed
     */
    public SandboxSpec build() {
      return new SandboxSpec(
          image,
          ttl,
          idleLimit,
          lease,
          readyTimeout,
          workdir,
          user,
          env,
          files,
          metadata,
          resources,
          entrypoint,
          providerOptions,
          ports,
          volumes,
          environmentDir,
          network,
          outsideEndpoints);
    }
  }
}
