package dev.berth.core.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReasonTest {
  @TempDir Path folder;

  @Test
  void whatTheFileSystemSaysIsPutInWords() throws IOException {
    Path none = folder.resolve("none");
    Path file = Files.createFile(folder.resolve("file"));
    assertThat(reason(() -> Files.readString(none))).isEqualTo("there is no " + none);
    assertThat(reason(() -> Files.createFile(file))).isEqualTo("there is a " + file + " already");
    assertThat(reason(() -> Files.delete(folder))).isEqualTo(folder + " is not empty");
    assertThat(reason(() -> Files.newDirectoryStream(file))).isEqualTo(file + " is no folder");
    assertThat(reason(() -> Files.createFile(file.resolve("x"))))
        .isEqualTo(file.resolve("x") + ": Not a directory");
    assertThat(reason(() -> Files.write(Path.of("/dev/full"), new byte[1])))
        .isEqualTo("No space left on device");
    assertThat(Reason.of(new IOException())).isEqualTo("it failed with IOException");
  }

  private static String reason(ThrowingCallable call) {
    return Reason.of(catchThrowableOfType(IOException.class, call));
  }
}
