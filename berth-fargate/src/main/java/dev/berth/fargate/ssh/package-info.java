/** SSH in this JVM: tunnels to a task's sidecar that heal themselves, and the way to its guest. */
@NullMarked
package dev.berth.fargate.ssh;

import org.jspecify.annotations.NullMarked;
