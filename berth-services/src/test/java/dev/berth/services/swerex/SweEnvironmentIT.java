package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.berth.RequestException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The environment over the real server, with the image's own git. */
@Timeout(120)
class SweEnvironmentIT {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final ApptainerDeployment DEPLOYMENT =
      new ApptainerDeployment(SwerexImage.config());
  private static String firstCommit = "";

  @TempDir Path host;

  /** A server for all tests; their environments come and go in it. */
  @BeforeAll
  static void start() throws Exception {
    DEPLOYMENT.start();
    Execution made =
        DEPLOYMENT
            .runtime()
            .execute(
                ExecuteRequest.ofShell(
                    """
                    set -e
                    export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
                    mkdir -p /tmp/base/origin && cd /tmp/base/origin
                    git init -q -b main
                    echo one >f; printf '#!/bin/sh\\necho ran\\n' >run; chmod 755 run; git add .; git commit -qm one
                    git rev-parse HEAD
                    echo two >f; git commit -qam two
                    """));
    assertThat(made.exitCode()).as(made.stderr()).isZero();
    firstCommit = made.stdout().strip();
  }

  @AfterAll
  static void stop() {
    DEPLOYMENT.stop();
  }

  /** The server's runtime, whose sessions end when it is closed. */
  private static Deployment deployment() {
    return Deployment.of(
        () -> new Kept(new RemoteRuntime(DEPLOYMENT.service().endpoint(), DEPLOYMENT.key())));
  }

  private static SweEnvironment environment(Repository repository, String folder) {
    return new SweEnvironment(deployment(), repository, folder, List.of("READY=yes"), SOON);
  }

  private static SwerexException fails(Failure failure, ThrowingCallable call) {
    SwerexException e = catchThrowableOfType(SwerexException.class, call);
    assertThat(e).isNotNull();
    assertThat(e.failure()).as(e.getMessage()).isEqualTo(failure);
    return e;
  }

  @Test
  void keepsOneSession() throws Exception {
    try (SweEnvironment environment = environment(null, "/")) {
      fails(Failure.DEPLOYMENT_NOT_STARTED, () -> environment.communicate("true"));
      environment.start();
      environment.setEnvironment(Map.of("A", "it's \"b\"\n\tc $d !e \\", "B_1", ""));
      assertThat(environment.communicate("printf %s \"$A|$B_1|$LANG|$READY\""))
          .isEqualTo("it's \"b\"\n\tc $d !e \\||C.UTF-8|yes");
      assertThat(environment.communicate("cd /usr; false")).isEmpty();
      assertThat(environment.communicate("pwd")).isEqualTo("/usr\n");
      SwerexException e =
          fails(
              Failure.NON_ZERO_EXIT_CODE,
              () -> environment.communicate("echo why; false", SOON, Check.RAISE));
      assertThat(e.output()).isEqualTo("why\n");
      fails(
          Failure.COMMAND_TIMEOUT,
          () -> environment.communicate("sleep 60", Duration.ofSeconds(1), Check.RAISE));
      environment.interrupt();
      assertThat(environment.communicate("echo back")).isEqualTo("back\n");
      environment.writeFile("/tmp/env/f", "text");
      assertThat(environment.readFile("/tmp/env/f")).isEqualTo("text");
      assertThat(environment.execute(ExecuteRequest.of("cat", "/tmp/env/f")).stdout())
          .isEqualTo("text");
      assertThatThrownBy(() -> environment.setEnvironment(Map.of("A;id", "")))
          .isInstanceOf(RequestException.class);
      environment.reset();
      assertThat(environment.communicate("pwd; echo \"$B_1$READY\"")).isEqualTo("/\nyes\n");
      environment.hardReset();
      assertThat(environment.communicate("echo \"<$A>\"")).isEqualTo("<>\n");
    }
  }

  @Test
  void goesBackToTheCommitOfARepositoryInTheImage() throws Exception {
    Repository repository = new Repository.InImage("origin", "main~1");
    try (SweEnvironment environment = environment(repository, "/tmp/base")) {
      environment.start();
      assertThat(environment.communicate("pwd; echo $ROOT; cat f; git rev-parse HEAD"))
          .isEqualTo("/tmp/base/origin\n/tmp/base/origin\none\n" + firstCommit + "\n");
      environment.communicate(
          "echo changed >f; echo new >g; git -c user.name=a -c user.email=a@b commit -qam mine",
          SOON,
          Check.RAISE);
      environment.reset();
      assertThat(environment.communicate("cat f; ls -1; git status --short; git rev-parse HEAD"))
          .isEqualTo("one\nf\nrun\n" + firstCommit + "\n");
    }
    fails(
        Failure.FILE,
        () -> environment(new Repository.InImage("none", "HEAD"), "/tmp/base").start());
    fails(
        Failure.NON_ZERO_EXIT_CODE,
        () -> environment(new Repository.InImage("origin", "nope"), "/tmp/base").start());
  }

  @Test
  void clonesAtACommit() throws Exception {
    Repository repository = new Repository.Clone("file:///tmp/base/origin", firstCommit);
    try (SweEnvironment environment = environment(repository, "/tmp/clones/")) {
      environment.start();
      assertThat(environment.communicate("pwd; cat f; ./run"))
          .isEqualTo("/tmp/clones/origin\none\nran\n");
    }
    assertThat(
            fails(
                Failure.NON_ZERO_EXIT_CODE,
                () ->
                    environment(new Repository.Clone("file:///tmp/none.git", "HEAD"), "/tmp/clones")
                        .start()))
        .hasMessageContaining("clone");
  }

  @Test
  void copiesAFolderIn() throws Exception {
    Path folder = Files.createDirectories(host.resolve("project/sub"));
    Files.writeString(folder.resolve("f"), "from the host");
    Repository repository = new Repository.Folder(folder.getParent(), "HEAD");
    try (SweEnvironment environment = environment(repository, "/tmp/copies")) {
      environment.start();
      environment.communicate("pwd; rm sub/f; echo new >g");
      environment.reset();
      assertThat(environment.communicate("pwd; cat sub/f; ls -1"))
          .isEqualTo("/tmp/copies/project\nfrom the hostsub\n");
    }
  }

  @Test
  void copiesARepositoryInWithItsModes() throws Exception {
    // Made by the image's git, as this host may have none, and brought here.
    Execution made =
        DEPLOYMENT
            .runtime()
            .execute(
                ExecuteRequest.ofShell(
                    """
                    set -e
                    mkdir -p /tmp/brought && cd /tmp/brought
                    git init -q -b main --template= mine && cd mine
                    printf '#!/bin/sh\\necho ran\\n' >run; chmod 755 run; git add .
                    git -c user.name=a -c user.email=a@b commit -qm one
                    echo 'not committed' >run
                    cd .. && python3 -m zipfile -c mine.zip mine && base64 mine.zip
                    """));
    assertThat(made.exitCode()).as(made.stderr()).isZero();
    unzip(Base64.getMimeDecoder().decode(made.stdout()));
    Path mine = host.resolve("mine");
    assertThat(mine.resolve("run")).hasContent("not committed");
    try (SweEnvironment environment =
        environment(new Repository.Folder(mine, "HEAD"), "/tmp/copies")) {
      environment.start();
      // The protocol loses modes; git knows them.
      assertThat(environment.communicate("./run; git status --short")).isEqualTo("ran\n");
    }
  }

  private void unzip(byte[] zip) throws IOException {
    try (ZipInputStream in = new ZipInputStream(new ByteArrayInputStream(zip))) {
      for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
        Path to = host.resolve(entry.getName());
        if (entry.isDirectory()) {
          Files.createDirectories(to);
        } else {
          Files.createDirectories(to.getParent());
          Files.write(to, in.readAllBytes());
        }
      }
    }
  }

  /** Closes its session alone: the others' environments live on the same server. */
  private record Kept(RemoteRuntime inner) implements Runtime {
    @Override
    public Liveness isAlive() throws InterruptedException {
      return inner.isAlive();
    }

    @Override
    public String createSession(SessionRequest request) throws InterruptedException {
      return inner.createSession(request);
    }

    @Override
    public Observation runInSession(BashAction action) throws InterruptedException {
      return inner.runInSession(action);
    }

    @Override
    public Observation interrupt(BashInterrupt interrupt) throws InterruptedException {
      return inner.interrupt(interrupt);
    }

    @Override
    public void closeSession(String session) throws InterruptedException {
      inner.closeSession(session);
    }

    @Override
    public Execution execute(ExecuteRequest request) throws InterruptedException {
      return inner.execute(request);
    }

    @Override
    public String readFile(ReadFile file) throws InterruptedException {
      return inner.readFile(file);
    }

    @Override
    public void writeFile(String path, String content) throws InterruptedException {
      inner.writeFile(path, content);
    }

    @Override
    public void upload(Path local, String target) throws InterruptedException {
      inner.upload(local, target);
    }

    @Override
    public void close() {
      try {
        inner.closeSession(SessionRequest.DEFAULT);
      } catch (SwerexException e) {
        // It was never opened.
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
