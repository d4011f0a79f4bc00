package dev.berth.services;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.core.Berth;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The example of docs/services.md, which shows these very lines. */
class ServiceExampleIT {
  @Test
  void fiveLines() throws Exception {
    String image = TestImage.folder().toString();
    // <example>
    ServiceSpec spec =
        ServiceSpec.command("python3", "-m", "http.server", "--bind", "{host}", "{port}").build();
    try (Berth berth = Berth.open();
        Sandbox sandbox = berth.create(SandboxSpec.of(image));
        Service service = Service.start(sandbox, spec)) {
      URI url = service.endpoint().url(); // http://127.0.0.1:35817, say
      // </example>
      assertThat(url.toURL().openConnection().getContentType()).startsWith("text/html");
    }
  }

  @Test
  void theGuideShowsTheseLines() throws Exception {
    Path root = Path.of("").toAbsolutePath();
    while (root != null && !Files.exists(root.resolve("docs/services.md"))) {
      root = root.getParent();
    }
    assumeThat(root).as("the tests run inside a checkout").isNotNull();
    Path source =
        root.resolve("berth-services/src/test/java/dev/berth/services/ServiceExampleIT.java");
    String text = Files.readString(source);
    String example =
        text.substring(text.indexOf("// <example>\n") + 13, text.indexOf("      // </example>"));
    assertThat(Files.readString(root.resolve("docs/services.md")))
        .contains(example.stripTrailing().stripIndent());
  }
}
