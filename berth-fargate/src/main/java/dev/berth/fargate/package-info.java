/** Sandboxes in tasks of AWS ECS Fargate. */
@NullMarked
package dev.berth.fargate;

import org.jspecify.annotations.NullMarked;
