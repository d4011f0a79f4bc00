package dev.berth.fargate;

import dev.berth.SandboxException;

/** Another process that wants an image: prints its URL, or why there is none. */
final class EnsureImage {
  private EnsureImage() {}

  public static void main(String[] args) throws InterruptedException {
    FargateRig.useFrom();
    try {
      String url =
          ImageBuilder.ensureImageBuilt(
              BuildRig.config().environmentDir(args[0]).build(),
              args[1],
              false,
              line -> System.out.println("progress: " + line));
      System.out.println("url: " + url);
    } catch (SandboxException e) {
      System.out.println("failed: " + e.getMessage());
    }
  }
}
