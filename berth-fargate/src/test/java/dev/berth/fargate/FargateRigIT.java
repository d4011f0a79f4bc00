package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import software.amazon.awssdk.services.ecs.EcsClient;
import software.amazon.awssdk.services.ecs.model.AssignPublicIp;
import software.amazon.awssdk.services.ecs.model.Compatibility;
import software.amazon.awssdk.services.ecs.model.ContainerCondition;
import software.amazon.awssdk.services.ecs.model.LaunchType;
import software.amazon.awssdk.services.ecs.model.NetworkMode;
import software.amazon.awssdk.services.ecs.model.RunTaskResponse;
import software.amazon.awssdk.services.ecs.model.Task;

/** The rig itself: a task of it is really there, and is really gone afterwards. */
@Tag("rig")
@Tag("root")
@ExtendWith(RigExtension.class)
class FargateRigIT {
  private static FargateRig rig;
  private static Aws aws;

  @BeforeAll
  static void open() throws Exception {
    rig = RigExtension.rig();
    aws = new Aws(FargateRig.REGION);
  }

  @AfterAll
  static void close() {
    aws.close();
  }

  @AfterEach
  void clear() throws Exception {
    rig.proxy().endAll();
    rig.faults().clear();
  }

  private static String define(String mainCommand) {
    return aws.ecs()
        .registerTaskDefinition(ask ->
            ask.family("rig")
                .networkMode(NetworkMode.AWSVPC)
                .requiresCompatibilities(Compatibility.FARGATE)
                .cpu("256")
                .memory("512")
                .volumes(v -> v.name("shared"))
                .containerDefinitions(
                    main ->
                        main.name("main")
                            .image(FargateRig.MAIN_IMAGE)
                            .essential(true)
                            .mountPoints(m -> m.sourceVolume("shared").containerPath("/shared"))
                            .dependsOn(
                                d -> d.containerName("side").condition(ContainerCondition.HEALTHY))
                            .command("sh", "-c", mainCommand),
                    side ->
                        side.name("side")
                            .image(FargateRig.SIDECAR_IMAGE)
                            .essential(true)
                            .mountPoints(m -> m.sourceVolume("shared").containerPath("/shared"))
                            .healthCheck(h -> h.command("CMD-SHELL", "test -e /shared/word"))
                            .command(
                                "/bin/sh",
                                "-c",
                                "mkdir -p /run/sshd; ssh-keygen -q -t ed25519 -N '' -f /root/key;"
                                    + " echo hello > /shared/word;"
                                    + " exec /usr/sbin/sshd -D -e -f /dev/null -p 2222 -h /root/key")))
        .taskDefinition()
        .taskDefinitionArn();
  }

  private static RunTaskResponse run(String definition, String token) {
    return aws.ecs()
        .runTask(ask ->
            ask.cluster(FargateRig.CLUSTER)
                .taskDefinition(definition)
                .launchType(LaunchType.FARGATE)
                .clientToken(token)
                .networkConfiguration(n ->
                    n.awsvpcConfiguration(v ->
                        v.subnets(System.getProperty(FargateRig.SUBNET))
                            .securityGroups(System.getProperty(FargateRig.GROUP))
                            .assignPublicIp(AssignPublicIp.DISABLED))));
  }

  private static Task task(String arn) {
    EcsClient ecs = aws.ecs();
    return ecs.describeTasks(ask -> ask.cluster(FargateRig.CLUSTER).tasks(arn)).tasks().get(0);
  }

  private static String address(Task task) {
    return task.attachments().get(0).details().stream()
        .filter(detail -> detail.name().equals("privateIPv4Address"))
        .map(detail -> detail.value())
        .findFirst()
        .orElse("");
  }

  @Test
  void aTaskHasRealContainersThatThisHostReaches() throws Exception {
    String definition = define("cat /shared/word; sleep 1000");
    RunTaskResponse answer = run(definition, "one");
    assertThat(answer.tasks().get(0).lastStatus()).isIn("PROVISIONING", "PENDING");
    String arn = answer.tasks().get(0).taskArn();
    assertThat(run(definition, "one").tasks().get(0).taskArn()).isEqualTo(arn);
    assertThat(rig.running()).hasSize(1);

    await().atMost(Duration.ofSeconds(30)).until(() -> task(arn).lastStatus().equals("RUNNING"));
    assertThat(task(arn).containers()).extracting("name").containsExactly("main", "side");
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(address(task(arn)), 2222), 5000);
      assertThat(new BufferedReader(new InputStreamReader(socket.getInputStream())).readLine())
          .startsWith("SSH-2.0-OpenSSH");
    }
    assertThat(rig.running().get(0).container("main").log()).contains("hello");

    String name = rig.running().get(0).network().path();
    aws.ecs().stopTask(ask -> ask.cluster(FargateRig.CLUSTER).task(arn).reason("enough"));
    await().atMost(Duration.ofSeconds(30)).until(() -> task(arn).lastStatus().equals("STOPPED"));
    assertThat(task(arn).stopCodeAsString()).isEqualTo("UserInitiated");
    assertThat(task(arn).stoppedReason()).isEqualTo("enough");
    assertThat(new java.io.File(name)).doesNotExist();
    assertThat(
            rig.podman()
                .run(
                    "ps",
                    "-a",
                    "--filter",
                    "label=berthrig=" + ProcessHandle.current().pid(),
                    "-q"))
        .isEmpty();
  }

  @Test
  void aTaskEndsWithItsEssentialContainer() {
    String arn = run(define("exit 3"), "two").tasks().get(0).taskArn();
    await().atMost(Duration.ofSeconds(30)).until(() -> task(arn).lastStatus().equals("STOPPED"));
    assertThat(task(arn).stopCodeAsString()).isEqualTo("EssentialContainerExited");
    assertThat(task(arn).containers().get(0).exitCode()).isEqualTo(3);
    assertThat(
            aws.ecs()
                .listTasks(ask -> ask.cluster(FargateRig.CLUSTER).desiredStatus("RUNNING"))
                .taskArns())
        .isEmpty();
  }

  @Test
  void aLostAnswerIsALostAnswer() {
    rig.faults().next("RunTask", Faults.Call.ANSWER_LOST);
    String definition = define("sleep 1000");
    List<Task> tasks = run(definition, "three").tasks();
    assertThat(tasks).hasSize(1);
    assertThat(rig.running()).hasSize(1);
    assertThat(rig.faults().count("RunTask")).isGreaterThan(1);
  }
}
