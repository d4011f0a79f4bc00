/**
 * The contract that every provider of sandboxes passes, as JUnit tests on the real thing. Start at
 * {@link dev.berth.testkit.SandboxContract}.
 */
@NullMarked
package dev.berth.testkit;

import org.jspecify.annotations.NullMarked;
