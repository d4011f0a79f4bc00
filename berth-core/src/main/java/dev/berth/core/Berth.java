package dev.berth.core;

import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxException;
import dev.berth.SandboxLostException;
import dev.berth.SandboxSpec;
import dev.berth.SandboxStatus;
import dev.berth.UnsupportedRequestException;
import dev.berth.core.state.Descriptor;
import dev.berth.core.state.SandboxFolder;
import dev.berth.core.state.SandboxRecord;
import dev.berth.core.state.StateHome;
import dev.berth.spi.Finding;
import dev.berth.spi.ProviderFactory;
import dev.berth.spi.SandboxProvider;
import dev.berth.spi.SandboxSummary;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Sandboxes for programs: one provider with its configuration, and others as they are asked for.
 *
 * <pre>{@code
 * try (Berth berth = Berth.open();
 *     Sandbox sandbox = berth.create(SandboxSpec.of("alpine:3.20"))) {
 *   System.out.println(sandbox.exec("uname -a").stdout());
 * }
 * }</pre>
 *
 * Providers are made when they are first needed. Closing it ends the sandboxes that were made with
 * it and not detached. Thread-safe.
 */
public final class Berth implements AutoCloseable {
  private final Providers providers;
  private final Choice choice;
  private final StateHome state;
  private final Consumer<String> progress;
  private final ReentrantLock lock = new ReentrantLock();

  /** Guarded by the lock, as are the providers' factories. */
  private final Map<String, SandboxProvider> open = new LinkedHashMap<>();

  private boolean closed;

  private Berth(Providers providers, Choice choice, StateHome state, Consumer<String> progress) {
    this.progress = progress;
    this.providers = providers;
    this.choice = choice;
    this.state = state;
  }

  /**
   * With the user's own configuration: the file that {@code BERTH_CONFIG} names, else {@code
   * berth/config.yaml} in {@code XDG_CONFIG_HOME} ({@code ~/.config}); without one, the provider
   * {@code apptainer} with its defaults.
   */
  public static Berth open() {
    return builder().build();
  }

  /** To say more. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Makes a sandbox, ready to run commands. The configuration's {@code default_metadata} goes under
   * the spec's own labels. Whoever calls this closes it.
   *
   * @throws SandboxException as {@link SandboxProvider#create} says
   */
  public Sandbox create(SandboxSpec spec) throws InterruptedException {
    return create(spec, choice.provider());
  }

  /** The same by another provider, with its defaults. */
  public Sandbox create(SandboxSpec spec, String provider) throws InterruptedException {
    Map<String, String> labels = new LinkedHashMap<>(choice.defaultMetadata());
    labels.putAll(spec.metadata());
    return provider(provider).create(spec.toBuilder().metadata(labels).build());
  }

  /**
   * Takes hold of a running sandbox, also of another process and another provider.
   *
   * @param descriptor what {@link dev.berth.Reconnect#serialize()} gave
   * @throws SandboxLostException if it is gone
   * @throws RequestException if that is no descriptor
   */
  public Sandbox connect(String descriptor) throws InterruptedException {
    return provider(Descriptor.read(descriptor, state).provider()).connect(descriptor);
  }

  /** The chosen provider. */
  public SandboxProvider provider() {
    return provider(choice.provider());
  }

  /**
   * The sandboxes of this user: those of the chosen provider, and all that this host stores; of a
   * provider that cannot be had here now, with an unknown state.
   */
  public List<SandboxSummary> list() throws InterruptedException {
    List<SandboxSummary> all = new ArrayList<>();
    for (String name : names()) {
      try {
        all.addAll(provider(name).list());
      } catch (UnsupportedRequestException | RequestException e) {
        all.addAll(unknown(name));
      }
    }
    return all;
  }

  /** Ends and deletes what is nobody's any more, whichever provider's. Returns a line for each. */
  public List<String> reap() throws InterruptedException {
    List<String> report = new ArrayList<>();
    for (String name : names()) {
      try {
        report.addAll(provider(name).reap());
      } catch (SandboxException e) {
        report.add(name + ": could not be cleared up: " + e.getMessage());
      }
    }
    return report;
  }

  /** Ends the sandboxes that were made here and not detached. */
  @Override
  public void close() {
    List<SandboxProvider> all;
    lock.lock();
    try {
      closed = true;
      all = List.copyOf(open.values());
      open.clear();
    } finally {
      lock.unlock();
    }
    RuntimeException failure = null;
    for (SandboxProvider provider : all) {
      try {
        provider.close();
      } catch (RuntimeException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  private SandboxProvider provider(String name) {
    lock.lock();
    try {
      if (closed) {
        throw new IllegalStateException("this Berth is closed");
      }
      SandboxProvider provider = open.get(name);
      if (provider == null) {
        Choice how = name.equals(choice.provider()) ? choice : Choice.of(name);
        provider = providers.find(name).create(how.config(), progress);
        open.put(name, provider);
      }
      return provider;
    } finally {
      lock.unlock();
    }
  }

  /** The chosen provider, and the others that have something stored on this host. */
  private Set<String> names() {
    Set<String> names = new LinkedHashSet<>(Set.of(choice.provider()));
    state.list().stream()
        .map(SandboxFolder::provider)
        .filter(name -> !name.isEmpty())
        .sorted()
        .forEach(names::add);
    return names;
  }

  /** The sandboxes of a provider that cannot be had here now. */
  private List<SandboxSummary> unknown(String provider) {
    List<SandboxSummary> all = new ArrayList<>();
    for (SandboxFolder folder : state.list()) {
      if (folder.provider().equals(provider)) {
        folder.record().ifPresent(record -> all.add(unknown(folder, record)));
      }
    }
    return all;
  }

  private static SandboxSummary unknown(SandboxFolder folder, SandboxRecord record) {
    return new SandboxSummary(
        folder.id(),
        record.provider(),
        SandboxStatus.UNKNOWN,
        record.spec().image(),
        record.created(),
        record.expires(),
        folder.owned(),
        record.spec().metadata(),
        folder.id());
  }

  /** Says which provider is used and how it is configured. Not thread-safe. */
  public static final class Builder {
    private final List<ProviderFactory> registered = new ArrayList<>();
    private Map<String, String> env = System.getenv();
    private @Nullable Path config;
    private @Nullable String block;
    private @Nullable String provider;
    private Consumer<String> progress = line -> {};

    private Builder() {}

    /**
     * Hands lines for people to this while something takes long, such as fetching an image; from
     * the thread that waits for it.
     */
    public Builder progress(Consumer<String> lines) {
      this.progress = lines;
      return this;
    }

    /** Reads this file instead of the user's own. */
    public Builder config(Path file) {
      this.config = file;
      return this;
    }

    /** Uses this block of the file; without it, the only one. */
    public Builder block(String name) {
      this.block = name;
      return this;
    }

    /** Uses this provider, with the file's block for it if there is one. */
    public Builder provider(String name) {
      this.provider = name;
      return this;
    }

    /**
     * Makes a provider known; it hides a built-in one of the same name. It is used if a name or a
     * file chooses it.
     */
    public Builder register(ProviderFactory factory) {
      registered.add(factory);
      return this;
    }

    Builder env(Map<String, String> variables) {
      this.env = variables;
      return this;
    }

    /**
     * Berth with what was said.
     *
     * @throws RequestException if a file or a name is wrong
     */
    public Berth build() {
      Providers providers = new Providers(registered);
      Choice choice = choice(providers);
      providers.find(choice.provider());
      return new Berth(providers, choice, StateHome.of(env), progress);
    }

    /** Examines this host for what stops the chosen provider's sandboxes; makes nothing. */
    public List<Finding> examine() throws InterruptedException {
      Providers providers = new Providers(registered);
      Choice choice = choice(providers);
      return providers.find(choice.provider()).examine(choice.config());
    }

    private Choice choice(Providers providers) {
      return Choice.make(providers, env, config, block, provider);
    }
  }
}
