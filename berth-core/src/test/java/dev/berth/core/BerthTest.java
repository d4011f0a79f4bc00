package dev.berth.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxLostException;
import dev.berth.SandboxSpec;
import dev.berth.SandboxStatus;
import dev.berth.UnsupportedRequestException;
import dev.berth.core.state.SandboxFolder;
import dev.berth.core.state.SandboxRecord;
import dev.berth.core.state.StateHome;
import dev.berth.spi.ConfigSection;
import dev.berth.spi.Finding;
import dev.berth.spi.ProviderFactory;
import dev.berth.spi.SandboxProvider;
import dev.berth.spi.SandboxSummary;
import java.lang.reflect.Proxy;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BerthTest {
  @TempDir Path folder;
  private final Map<String, String> env = new HashMap<>();
  private final List<String> log = new ArrayList<>();

  @BeforeEach
  void settle() {
    env.put("HOME", folder.resolve("home").toString());
    env.put("BERTH_STATE_HOME", folder.resolve("state").toString());
  }

  @Test
  void withoutAnyConfigurationItIsApptainer() {
    try (Berth berth = builder().build()) {
      assertThat(log).isEmpty();
      assertThat(berth.provider().name()).isEqualTo("apptainer");
      assertThat(berth.provider()).isSameAs(berth.provider());
    }
    assertThat(log).containsExactly("open apptainer []", "close apptainer");
  }

  @Test
  void theUsersOwnFileIsFound() throws Exception {
    Path file = folder.resolve("home/.config/berth/config.yaml");
    write(file, "mine: {other: {key: v}}");
    assertThat(builder().build().provider().name()).isEqualTo("other");

    write(folder.resolve("xdg/berth/config.yaml"), "mine: {apptainer: {}}");
    env.put("XDG_CONFIG_HOME", folder.resolve("xdg").toString());
    assertThat(builder().build().provider().name()).isEqualTo("apptainer");

    env.put("BERTH_CONFIG", file.toString());
    assertThat(builder().build().provider().name()).isEqualTo("other");

    env.put("BERTH_CONFIG", folder.resolve("missing").toString());
    assertThatThrownBy(() -> builder().build())
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("missing");
    assertThat(log).contains("open other [key]");
  }

  @Test
  void aNamedProviderTakesItsBlock() throws Exception {
    Path file = folder.resolve("c.yaml");
    write(file, "a: {other: {x: 1}}\nb: {apptainer: {y: 2}}\n");

    builder().config(file).provider("other").build().provider();
    builder().config(file).block("b").build().provider();
    assertThat(log).containsExactly("open other [x]", "open apptainer [y]");

    assertThatThrownBy(() -> builder().config(file).build())
        .hasMessageContaining("name one of: a, b");
    assertThatThrownBy(() -> builder().config(file).block("a").provider("apptainer").build())
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("that is for other");
    write(file, "a: {other: {x: 1}}\n");
    assertThatThrownBy(() -> builder().config(file).provider("apptainer").build())
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("no block");
    env.put("BERTH_CONFIG", file.toString());
    assertThat(builder().provider("apptainer").build().provider().name()).isEqualTo("apptainer");
    env.remove("BERTH_CONFIG");
    assertThatThrownBy(() -> builder().block("a").build()).isInstanceOf(RequestException.class);
  }

  @Test
  void defaultMetadataGoesUnderTheSpecsOwn() throws Exception {
    Path file = folder.resolve("c.yaml");
    write(file, "s: {other: {}, default_metadata: {a: default, b: default}}");
    try (Berth berth = builder().config(file).build()) {
      SandboxSpec spec = SandboxSpec.of("x").toBuilder().metadata("b", "own").build();
      assertThat(berth.create(spec).spec().metadata())
          .isEqualTo(Map.of("a", "default", "b", "own"));
      assertThat(berth.create(spec, "apptainer").provider()).isEqualTo("apptainer");
    }
  }

  @Test
  void aDescriptorSaysWhoseItIs() throws Exception {
    try (Berth berth = builder().build()) {
      String json = "{\"x\": {\"provider\": \"no\"}, \"provider\": \"other\", \"id\": \"i\"}";
      assertThat(berth.connect(json).provider()).isEqualTo("other");
      SandboxFolder stored = StateHome.of(env).create("other");
      assertThat(berth.connect(stored.id()).provider()).isEqualTo("other");

      assertThatThrownBy(() -> berth.connect("aaaaaaaaaaaa"))
          .isInstanceOf(SandboxLostException.class);
      for (String wrong : List.of("", "{", "[]", "{\"id\": 1}", "{\"provider\": 1}", "text")) {
        assertThatThrownBy(() -> berth.connect(wrong))
            .as(wrong)
            .isInstanceOf(RequestException.class);
      }
      assertThatThrownBy(() -> berth.connect("{\"provider\": \"none\"}"))
          .isInstanceOf(RequestException.class)
          .hasMessageContaining("'none'")
          .hasMessageContaining("apptainer")
          .hasMessageContaining("other");
    }
  }

  @Test
  void listingAndReapingCoverWhatIsStoredHere() throws Exception {
    StateHome state = StateHome.of(env);
    state.create("other");
    SandboxFolder broken = state.create("broken");
    broken.write(SandboxRecord.of(broken.id(), "broken", SandboxSpec.of("x")));

    try (Berth berth = builder().build()) {
      List<SandboxSummary> all = berth.list();
      assertThat(all)
          .extracting(SandboxSummary::id)
          .containsExactly("apptainer", broken.id(), "other");
      assertThat(all.get(1).status()).isEqualTo(SandboxStatus.UNKNOWN);
      assertThat(berth.reap())
          .hasSize(3)
          .contains("apptainer reaped", "other reaped")
          .anyMatch(line -> line.startsWith("broken: could not be cleared up"));
    }
  }

  @Test
  void aNameIsOneProviders() {
    assertThatThrownBy(() -> builder().register(new Fake("other")).build())
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("both are named 'other'");
    assertThatThrownBy(() -> builder().provider("none").build())
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("known are: ")
        .hasMessageContaining("apptainer, broken, ");
  }

  @Test
  void examiningMakesNoProvider() throws Exception {
    assertThat(builder().provider("other").examine()).isEmpty();
    assertThat(log).containsExactly("examine other");
  }

  @Test
  void aClosedBerthIsClosed() {
    Berth berth = builder().build();
    berth.close();
    berth.close();
    assertThatThrownBy(berth::provider).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void providersOnTheClassPathAreFoundButDoNotHideOthers() throws Exception {
    compile("Foreign", "foreign");
    compile("Hidden", "other");
    write(
        folder.resolve("classes/META-INF/services/" + ProviderFactory.class.getName()),
        "example.Foreign\nexample.Hidden\n");
    ClassLoader before = Thread.currentThread().getContextClassLoader();
    URL[] path = {folder.resolve("classes").toUri().toURL()};
    try (URLClassLoader loader = new URLClassLoader(path, before)) {
      Thread.currentThread().setContextClassLoader(loader);
      assertThatThrownBy(() -> builder().provider("foreign").build().provider())
          .isInstanceOf(UnsupportedRequestException.class)
          .hasMessage("foreign was found");
      assertThat(builder().provider("other").build().provider()).isInstanceOf(FakeProvider.class);
    } finally {
      Thread.currentThread().setContextClassLoader(before);
    }
  }

  private Berth.Builder builder() {
    return Berth.builder()
        .env(env)
        .register(new Fake("apptainer"))
        .register(new Fake("other"))
        .register(new Fake("broken"));
  }

  private void compile(String type, String name) throws Exception {
    Path source = folder.resolve("src/example/" + type + ".java");
    write(
        source,
        """
        package example;
        public final class %s implements dev.berth.spi.ProviderFactory {
          public String name() { return "%s"; }
          public dev.berth.spi.SandboxProvider create(dev.berth.spi.ConfigSection config) {
            throw new dev.berth.UnsupportedRequestException(null, null, "%s was found", null);
          }
          public java.util.List<dev.berth.spi.Finding> examine(dev.berth.spi.ConfigSection config) {
            return java.util.List.of();
          }
        }
        """
            .formatted(type, name, name));
    Files.createDirectories(folder.resolve("classes"));
    int code =
        ToolProvider.getSystemJavaCompiler()
            .run(
                null,
                null,
                null,
                "-proc:none",
                "-cp",
                System.getProperty("java.class.path"),
                "-d",
                folder.resolve("classes").toString(),
                source.toString());
    assertThat(code).isZero();
  }

  private static void write(Path file, String text) throws Exception {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  private final class Fake implements ProviderFactory {
    private final String name;

    Fake(String name) {
      this.name = name;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public SandboxProvider create(ConfigSection config) {
      if (name.equals("broken")) {
        throw new UnsupportedRequestException(name, null, "not here", null);
      }
      log.add("open " + name + " " + config.keys());
      return new FakeProvider(name, log);
    }

    @Override
    public List<Finding> examine(ConfigSection config) {
      log.add("examine " + name);
      return List.of();
    }
  }

  /** Gives sandboxes that know their spec and nothing else. */
  private record FakeProvider(String name, List<String> log) implements SandboxProvider {
    @Override
    public Sandbox create(SandboxSpec spec) {
      return (Sandbox)
          Proxy.newProxyInstance(
              Sandbox.class.getClassLoader(),
              new Class<?>[] {Sandbox.class},
              (proxy, method, arguments) ->
                  switch (method.getName()) {
                    case "spec" -> spec;
                    case "provider" -> name;
                    default -> null;
                  });
    }

    @Override
    public Sandbox connect(String descriptor) {
      return create(SandboxSpec.of("connected"));
    }

    @Override
    public List<SandboxSummary> list() {
      return List.of(
          new SandboxSummary(
              name,
              name,
              SandboxStatus.RUNNING,
              null,
              java.time.Instant.EPOCH,
              null,
              true,
              Map.of(),
              ""));
    }

    @Override
    public List<String> reap() {
      return List.of(name + " reaped");
    }

    @Override
    public void close() {
      log.add("close " + name);
    }
  }
}
