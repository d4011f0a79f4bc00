package dev.berth.core;

import dev.berth.RequestException;
import dev.berth.UnsupportedRequestException;
import dev.berth.spi.ProviderFactory;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The providers by name, on three levels: those registered in code hide Berth's own, and those hide
 * any that others put on the class path. Levels are looked at only as far as they are needed. Not
 * thread-safe.
 */
final class Providers {
  private static final String OWN = "dev.berth.";

  private final Map<String, ProviderFactory> registered;
  private @Nullable Map<String, ProviderFactory> builtIn;
  private @Nullable Map<String, ProviderFactory> discovered;

  Providers(List<ProviderFactory> registered) {
    this.registered = byName("registered in code", registered);
  }

  ProviderFactory find(String name) {
    ProviderFactory factory = registered.get(name);
    if (factory == null) {
      factory = builtIn().get(name);
    }
    if (factory == null) {
      factory = discovered().get(name);
    }
    if (factory == null) {
      throw new RequestException(
          "Tried to use the provider '"
              + name
              + "', but there is none of that name; known are: "
              + String.join(", ", names())
              + ".");
    }
    return factory;
  }

  Set<String> names() {
    Set<String> names = new TreeSet<>(registered.keySet());
    names.addAll(builtIn().keySet());
    names.addAll(discovered().keySet());
    return names;
  }

  private Map<String, ProviderFactory> builtIn() {
    Map<String, ProviderFactory> found = builtIn;
    if (found == null) {
      found = byName("built in", load(type -> type.getName().startsWith(OWN)));
      builtIn = found;
    }
    return found;
  }

  private Map<String, ProviderFactory> discovered() {
    Map<String, ProviderFactory> found = discovered;
    if (found == null) {
      found = byName("found on the class path", load(type -> !type.getName().startsWith(OWN)));
      discovered = found;
    }
    return found;
  }

  private static Collection<ProviderFactory> load(Predicate<Class<?>> wanted) {
    try {
      List<ProviderFactory> factories = new ArrayList<>();
      Set<Class<?>> seen = new LinkedHashSet<>();
      ServiceLoader.load(ProviderFactory.class).stream()
          .filter(provider -> wanted.test(provider.type()) && seen.add(provider.type()))
          .forEach(provider -> factories.add(provider.get()));
      return factories;
    } catch (ServiceConfigurationError e) {
      throw new UnsupportedRequestException(
          null,
          null,
          "Tried to look for providers, but one on the class path is broken: "
              + e.getMessage()
              + ".",
          e);
    }
  }

  private static Map<String, ProviderFactory> byName(
      String level, Collection<ProviderFactory> factories) {
    Map<String, ProviderFactory> byName = new LinkedHashMap<>();
    for (ProviderFactory factory : factories) {
      ProviderFactory other = byName.put(factory.name(), factory);
      if (other != null) {
        throw new RequestException(
            "Tried to use the providers "
                + other.getClass().getName()
                + " and "
                + factory.getClass().getName()
                + ", both "
                + level
                + ", but both are named '"
                + factory.name()
                + "'; a name is one provider's.");
      }
    }
    return byName;
  }
}
