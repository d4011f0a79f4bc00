package dev.berth.core.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class HostNameTest {
  @TempDir Path folder;

  @Test
  void everyByteSurvives() throws Exception {
    byte[] name = new byte[253];
    int at = 0;
    for (int b = 1; b < 256; b++) {
      if (b != '/' && b != '%') {
        name[at++] = (byte) b;
      }
    }
    assertThat(HostName.bytes(HostName.component(name))).isEqualTo(name);
    Files.createFile(folder.resolve(HostName.component(name)));
    try (var names = Files.list(folder)) {
      assertThat(names.map(p -> HostName.bytes(p.getFileName()))).containsExactly(name);
    }
  }

  @Test
  void symlinkTexts() {
    for (String text : new String[] {"a", "../a/b", "/", "/etc/x y%41", "ä/ö", "./x"}) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      assertThat(new String(HostName.bytes(HostName.path(bytes)), StandardCharsets.UTF_8))
          .isEqualTo(text);
    }
  }

  @Test
  void components() {
    for (String bad : new String[] {"", ".", "..", "a/b", "/", "a\0", "x".repeat(256)}) {
      assertThat(HostName.isComponent(bad.getBytes(StandardCharsets.UTF_8))).isFalse();
    }
    for (String good : new String[] {"a", "...", ".a", "a\nb", "-rf", "~"}) {
      assertThat(HostName.isComponent(good.getBytes(StandardCharsets.UTF_8))).isTrue();
    }
  }
}
