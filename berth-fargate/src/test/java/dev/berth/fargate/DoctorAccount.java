package dev.berth.fargate;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.util.List;
import org.apache.sshd.common.config.keys.PublicKeyEntry;
import org.apache.sshd.common.config.keys.writer.openssh.OpenSSHKeyPairResourceWriter;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.ec2.model.IpPermission;
import software.amazon.awssdk.services.ec2.model.IpRange;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;

/**
 * An account of moto's in which nothing is missing that a sandbox needs; no tasks. Closing it ends
 * moto.
 */
final class DoctorAccount implements AutoCloseable {
  static final String REGION = FargateRig.REGION;
  static final String CALLER = "arn:aws:sts::123456789012:user/moto";
  static final String REGISTRY = "123456789012.dkr.ecr." + REGION + ".amazonaws.com/";
  static final String CLUSTER = "clinic";
  static final String LOG_GROUP = "/ecs/clinic";
  static final String PARAMETER = "/clinic/ecs-sandbox/config";

  private static final String S3 = "aws.endpointUrlS3";

  final String vpc;
  final String subnet;
  final String closedSubnet;
  final String group;
  final String execution;
  final String builds;
  final String publicKey;
  final String privateKey;

  private final Path folder;
  private final @Nullable String usedS3 = System.getProperty(S3);
  private final Moto moto;
  private final Aws aws;

  DoctorAccount() throws IOException, GeneralSecurityException {
    folder = FargateRig.newFolder();
    moto = new Moto(FargateRig.parts(), folder.resolve("moto.log"));
    boolean done = false;
    try {
      use();
      aws = new Aws(REGION);
      aws.ecs().createCluster(ask -> ask.clusterName(CLUSTER));
      aws.logs().createLogGroup(ask -> ask.logGroupName(LOG_GROUP));
      vpc = vpc("10.64.0.0/16");
      subnet = subnet("10.64.0.0/24");
      closedSubnet = subnet("10.64.1.0/24");
      String gateway = aws.ec2().createInternetGateway().internetGateway().internetGatewayId();
      aws.ec2().attachInternetGateway(ask -> ask.internetGatewayId(gateway).vpcId(vpc));
      String table = aws.ec2().createRouteTable(ask -> ask.vpcId(vpc)).routeTable().routeTableId();
      aws.ec2()
          .createRoute(
              ask -> ask.routeTableId(table).destinationCidrBlock("0.0.0.0/0").gatewayId(gateway));
      aws.ec2().associateRouteTable(ask -> ask.routeTableId(table).subnetId(subnet));
      group = group(vpc, 2222, "198.51.100.7/32");
      execution = role("execution", trust("ecs-tasks.amazonaws.com"));
      builds = role("builds", trust("codebuild.amazonaws.com"));
      KeyPair user = keys();
      KeyPair host = keys();
      publicKey = secret("public", PublicKeyEntry.toString(user.getPublic()) + "\n" + text(host));
      privateKey = secret("private", text(user) + PublicKeyEntry.toString(host.getPublic()) + "\n");
      aws.ecr().createRepository(ask -> ask.repositoryName("clinic"));
      aws.ecr()
          .putImage(ask ->
              ask.repositoryName("clinic")
                  .imageTag("sidecar-1")
                  .imageManifestMediaType("application/vnd.docker.distribution.manifest.v2+json")
                  .imageManifest("{\"schemaVersion\": 2, \"config\": {}, \"layers\": []}"));
      aws.s3()
          .createBucket(ask ->
              ask.bucket("clinic-staging")
                  .createBucketConfiguration(
                      in -> in.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
      done = true;
    } finally {
      if (!done) {
        end();
      }
    }
  }

  /** Points this JVM's AWS clients to this account, past any gate. */
  void use() {
    System.setProperty("aws.endpointUrl", moto.uri().toString());
    // Where image builds are tried in this JVM, theirs is another; here a gate must see S3's too.
    System.clearProperty(S3);
    System.setProperty("aws.accessKeyId", "clinic");
    System.setProperty("aws.secretAccessKey", "clinic");
    System.setProperty("aws.region", REGION);
  }

  Moto moto() {
    return moto;
  }

  Aws aws() {
    return aws;
  }

  FargateConfig.Builder config() {
    return FargateConfig.builder()
        .region(REGION)
        .cluster(CLUSTER)
        .subnets(List.of(subnet))
        .securityGroups(List.of(group))
        .assignPublicIp(true)
        .executionRoleArn(execution)
        .logGroup(LOG_GROUP)
        .ecrRepository(REGISTRY + "clinic")
        .s3Bucket("clinic-staging")
        .codebuildServiceRole(builds)
        .sshSidecar(sidecar());
  }

  SshSidecarConfig sidecar() {
    return SshSidecarConfig.DEFAULT
        .withImage(REGISTRY + "clinic:sidecar-1")
        .withExecServerPort(19542)
        .withSecrets(publicKey, privateKey);
  }

  String vpc(String block) {
    return aws.ec2().createVpc(ask -> ask.cidrBlock(block)).vpc().vpcId();
  }

  private String subnet(String block) {
    return aws.ec2().createSubnet(ask -> ask.vpcId(vpc).cidrBlock(block)).subnet().subnetId();
  }

  /** A security group that lets one block in at one port. */
  String group(String in, int port, String from) {
    String id =
        aws.ec2()
            .createSecurityGroup(
                ask -> ask.vpcId(in).groupName(in + "-" + port + "-" + from).description("x"))
            .groupId();
    aws.ec2()
        .authorizeSecurityGroupIngress(ask ->
            ask.groupId(id)
                .ipPermissions(
                    IpPermission.builder()
                        .ipProtocol("tcp")
                        .fromPort(port)
                        .toPort(port)
                        .ipRanges(IpRange.builder().cidrIp(from).build())
                        .build()));
    return id;
  }

  String role(String name, String trust) {
    return aws.iam()
        .createRole(ask -> ask.roleName(name).assumeRolePolicyDocument(trust))
        .role()
        .arn();
  }

  static String trust(String service) {
    return """
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
     "Principal": {"Service": "%s"}, "Action": "sts:AssumeRole"}]}
    """
        .formatted(service);
  }

  /** A secret; null: without a value. */
  String secret(String name, String text) {
    return aws.secrets().createSecret(ask -> ask.name(name).secretString(text)).arn();
  }

  void parameter(String json) {
    aws.ssm().putParameter(ask -> ask.name(PARAMETER).value(json).type("String").overwrite(true));
  }

  private static KeyPair keys() throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    return generator.generateKeyPair();
  }

  private static String text(KeyPair keys) throws IOException, GeneralSecurityException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    OpenSSHKeyPairResourceWriter.INSTANCE.writePrivateKey(keys, "clinic", null, out);
    return out.toString(StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    aws.close();
    end();
  }

  private void end() {
    moto.close();
    if (usedS3 == null) {
      System.clearProperty(S3);
    } else {
      System.setProperty(S3, usedS3);
    }
    if (System.getProperty(FargateRig.ENDPOINT) == null) {
      System.clearProperty("aws.endpointUrl");
    } else {
      FargateRig.useFrom();
    }
    Tool.run("rm", "-rf", folder.toString());
  }
}
