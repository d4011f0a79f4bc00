package dev.berth.fargate.images;

import dev.berth.RequestException;
import software.amazon.awssdk.services.ecr.model.ImageNotFoundException;
import software.amazon.awssdk.services.ecr.model.RepositoryNotFoundException;

/**
 * The ECR repository that holds what is built.
 *
 * @param name as ECR calls it
 * @param uri with its registry, without a tag
 */
record Repository(BuildClients clients, String name, String uri) {
  /**
   * Finds it.
   *
   * @param configured its name, or its URI
   * @throws RequestException if there is none
   */
  static Repository find(BuildClients clients, String configured) throws InterruptedException {
    int slash = configured.indexOf('/');
    boolean hosted = slash > 0 && configured.substring(0, slash).contains(".");
    String name = hosted ? configured.substring(slash + 1) : configured;
    try {
      String uri =
          Calls.of(() -> clients.ecr().describeRepositories(ask -> ask.repositoryNames(name)))
              .repositories()
              .get(0)
              .repositoryUri();
      return new Repository(clients, name, hosted ? configured : uri);
    } catch (RepositoryNotFoundException e) {
      throw new RequestException(
          "ecs_fargate",
          null,
          "Tried to find the ECR repository "
              + name
              + " in "
              + clients.region()
              + ", but there is none; create it, or set ecr_repository to another.",
          e);
    }
  }

  String url(String tag) {
    return uri + ":" + tag;
  }

  boolean has(String tag) throws InterruptedException {
    try {
      return !Calls.of(() ->
              clients
                  .ecr()
                  .describeImages(ask -> ask.repositoryName(name).imageIds(id -> id.imageTag(tag))))
          .imageDetails()
          .isEmpty();
    } catch (ImageNotFoundException e) {
      return false;
    }
  }
}
