package dev.berth.fargate.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.RequestException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.codebuild.model.EnvironmentVariable;
import software.amazon.awssdk.services.codebuild.model.EnvironmentVariableType;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

class BuildspecTest {
  private static final String URL = "1.dkr.ecr.eu-central-1.amazonaws.com/repo:tag";

  private static List<String> commands(String spec, String phase) {
    JsonNode node = new YAMLMapper().readTree(spec);
    assertThat(node.path("version").asString()).isEqualTo("0.2");
    List<String> commands = new ArrayList<>();
    node.path("phases").path(phase).path("commands").forEach(c -> commands.add(c.asString()));
    return commands;
  }

  @Test
  void bothLogInFirstAndPushLast() {
    for (String spec : List.of(Buildspec.BUILD, Buildspec.MIRROR)) {
      assertThat(commands(spec, "pre_build")).hasSize(2);
      assertThat(commands(spec, "pre_build").get(0)).contains("--password-stdin");
      assertThat(commands(spec, "build")).last().asString().contains("docker push");
    }
    assertThat(commands(Buildspec.BUILD, "build")).hasSize(3);
    assertThat(commands(Buildspec.BUILD, "build").get(0)).contains("tar -xf " + BuildContext.TAR);
  }

  @Test
  void allVariablesAreQuotedAndKnown() {
    List<String> given =
        Buildspec.variables("r", URL, "source", "arn:x").stream()
            .map(EnvironmentVariable::name)
            .toList();
    for (String spec : List.of(Buildspec.BUILD, Buildspec.MIRROR)) {
      assertThat(spec).doesNotContainPattern("[^\"{]\\$[A-Z]");
      java.util.regex.Pattern.compile("BERTH_[A-Z_]+")
          .matcher(spec)
          .results()
          .forEach(found -> assertThat(given).contains(found.group()));
    }
  }

  @Test
  void thePasswordIsNamedAndNotGiven() {
    assertThat(Buildspec.variables("r", URL, null, "arn:aws:secretsmanager:r:1:secret:hub-Ab12cD"))
        .filteredOn(each -> each.type() == EnvironmentVariableType.SECRETS_MANAGER)
        .extracting(EnvironmentVariable::value)
        .containsExactly(
            "arn:aws:secretsmanager:r:1:secret:hub-Ab12cD:username",
            "arn:aws:secretsmanager:r:1:secret:hub-Ab12cD:password");
    assertThat(Buildspec.variables("r", URL, null, null))
        .extracting(EnvironmentVariable::name, EnvironmentVariable::value)
        .contains(
            org.assertj.core.groups.Tuple.tuple(
                "BERTH_REGISTRY", "1.dkr.ecr.eu-central-1.amazonaws.com"))
        .hasSize(3);
  }

  @Test
  void whatIsMissingIsNamed() {
    BuildSettings none = settings(null, null, null, null);
    assertThatThrownBy(() -> none.check("build", true))
        .isInstanceOf(RequestException.class)
        .hasMessageContainingAll("ecr_repository", "s3_bucket", "codebuild_service_role");
    assertThatThrownBy(() -> settings("r", null, null, null).check("copy", false))
        .isInstanceOf(RequestException.class)
        .hasMessageContainingAll("codebuild_service_role", "auto_mirror");
    settings("r", null, "p", null).check("copy", false);
    settings("r", "b", null, "role").check("build", true);
    assertThat(none.stagePrefix()).isEqualTo("berth-contexts/");
  }

  private static BuildSettings settings(
      String repository, String bucket, String project, String role) {
    return new BuildSettings(
        repository,
        bucket,
        null,
        project,
        role,
        "BUILD_GENERAL1_SMALL",
        Duration.ofMinutes(30),
        null,
        1,
        Duration.ofSeconds(1));
  }

  @Test
  void aLogIsBoundedAndMovesNoCursor() {
    Lines lines = new Lines();
    assertThat(
            lines.add("\u001b[1A\u001b[31mred\u001b[0m\rover\u0007\n\n" + "x".repeat(5000) + "\n"))
        .hasSize(3)
        .first()
        .isEqualTo("red");
    assertThat(Lines.clean("a\u009b2Jb\u0085c\u0090d", 100)).isEqualTo("ab c d");
    for (int i = 0; i < 100; i++) {
      lines.add("line " + i + "\n");
    }
    assertThat(lines.tail()).hasSize(25).last().isEqualTo("line 99");
    assertThat(lines.tail()).allMatch(line -> line.length() < 600);
  }
}
