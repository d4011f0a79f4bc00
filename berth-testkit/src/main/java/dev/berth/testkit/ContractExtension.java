package dev.berth.testkit;

import dev.berth.Sandbox;
import dev.berth.spi.SandboxProvider;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Hands the tests of a class their provider and one shared sandbox, and each test a folder of its
 * own in it.
 */
final class ContractExtension implements ParameterResolver {
  private static final ExtensionContext.Namespace NAMESPACE =
      ExtensionContext.Namespace.create(ContractExtension.class);

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    Class<?> type = parameter.getParameter().getType();
    return type == SandboxProvider.class || type == Sandbox.class || type == RemoteFolder.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    Class<?> type = parameter.getParameter().getType();
    ContractSubject subject = (ContractSubject) context.getRequiredTestInstance();
    Shared shared = shared(subject, context);
    if (type == SandboxProvider.class) {
      return shared.provider;
    }
    if (type == Sandbox.class) {
      return shared.sandbox(subject);
    }
    return context
        .getStore(NAMESPACE)
        .computeIfAbsent(
            RemoteFolder.class,
            key -> RemoteFolder.in(shared.sandbox(subject)),
            RemoteFolder.class);
  }

  private static Shared shared(ContractSubject subject, ExtensionContext context) {
    ExtensionContext ofClass = context;
    while (ofClass.getTestMethod().isPresent()) {
      ofClass = ofClass.getParent().orElseThrow();
    }
    return ofClass
        .getStore(NAMESPACE)
        .computeIfAbsent(Shared.class, key -> new Shared(subject.open()), Shared.class);
  }

  /** The provider of a test class and its shared sandbox. Closed by JUnit after the class. */
  private static final class Shared implements AutoCloseable {
    private final SandboxProvider provider;
    private @org.jspecify.annotations.Nullable Sandbox sandbox;

    Shared(SandboxProvider provider) {
      this.provider = provider;
    }

    /** The shared sandbox; another one if a test's failure ended the last. */
    synchronized Sandbox sandbox(ContractSubject subject) {
      if (sandbox == null || !sandbox.isRunning()) {
        if (sandbox != null) {
          sandbox.close();
        }
        try {
          sandbox = provider.create(SharedSpec.of(subject.spec()));
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new IllegalStateException("interrupted while the shared sandbox was created", e);
        }
      }
      return sandbox;
    }

    @Override
    public void close() {
      try {
        if (sandbox != null) {
          sandbox.close();
        }
      } finally {
        provider.close();
      }
    }
  }
}
