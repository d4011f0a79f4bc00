/**
 * Sandboxes: what a caller of Berth uses. A {@link dev.berth.Sandbox} runs commands and moves
 * files; a {@link dev.berth.SandboxSpec} says what it is made of; a {@link dev.berth.Command} says
 * what to run.
 *
 * <p>No type here does I/O, and none depends on more than the JDK and JSpecify's annotations.
 */
@NullMarked
package dev.berth;

import org.jspecify.annotations.NullMarked;
