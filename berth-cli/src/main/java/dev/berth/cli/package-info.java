/**
 * The {@code berth} command: one class per verb. {@link dev.berth.cli.Main} picks the verb by its
 * name and makes that class alone, so that a verb's start-up does not pay for the others.
 */
@NullMarked
package dev.berth.cli;

import org.jspecify.annotations.NullMarked;
