package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.spi.ConfigSection;
import dev.berth.spi.ProviderFactory;
import dev.berth.spi.SandboxProvider;
import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Who has Berth, and does not use this provider, needs nothing of AWS's or of SSH's. */
class PaysNothingTest {
  /** Loads Berth anew, and finds no AWS and no SSH. */
  private static final class WithoutLibraries extends URLClassLoader {
    WithoutLibraries(URL[] path, ClassLoader parent) {
      super(path, parent);
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      if (name.startsWith("software.amazon.") || name.startsWith("org.apache.sshd.")) {
        throw new ClassNotFoundException(name);
      }
      if (name.startsWith("dev.berth.fargate.")) {
        synchronized (getClassLoadingLock(name)) {
          Class<?> loaded = findLoadedClass(name);
          return loaded == null ? findClass(name) : loaded;
        }
      }
      return super.loadClass(name, resolve);
    }
  }

  @Test
  void theProviderIsKnownConfiguredAndClosedWithoutALibrary() throws Exception {
    URL[] path =
        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator, -1))
            .map(PaysNothingTest::url)
            .toArray(URL[]::new);
    try (WithoutLibraries loader = new WithoutLibraries(path, getClass().getClassLoader())) {
      Class<?> type = loader.loadClass("dev.berth.fargate.FargateFactory");
      assertThat(type).isNotEqualTo(FargateFactory.class);
      ProviderFactory factory = (ProviderFactory) type.getDeclaredConstructor().newInstance();
      assertThat(factory.name()).isEqualTo("ecs_fargate");
      try (SandboxProvider provider =
          factory.create(ConfigSection.of("x", Map.of("region", "r", "cpu", 256, "memory", 512)))) {
        assertThat(provider.name()).isEqualTo("ecs_fargate");
        assertThat(provider.list()).isEmpty();
      }
    }
  }

  private static URL url(String place) {
    try {
      return new File(place).toURI().toURL();
    } catch (MalformedURLException e) {
      throw new IllegalStateException(e);
    }
  }
}
