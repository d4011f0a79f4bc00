/** Images that are built, or copied from public registries, into ECR by CodeBuild. */
@NullMarked
package dev.berth.fargate.images;

import org.jspecify.annotations.NullMarked;
