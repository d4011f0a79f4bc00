package dev.berth.fargate.images;

import software.amazon.awssdk.services.cloudwatchlogs.CloudWatchLogsClient;
import software.amazon.awssdk.services.codebuild.CodeBuildClient;
import software.amazon.awssdk.services.ecr.EcrClient;
import software.amazon.awssdk.services.s3.S3Client;

/** The clients that image builds need, each made when it is first asked for. Thread-safe. */
public interface BuildClients {
  /** The region of all of them. */
  String region();

  EcrClient ecr();

  CodeBuildClient codebuild();

  S3Client s3();

  CloudWatchLogsClient logs();
}
