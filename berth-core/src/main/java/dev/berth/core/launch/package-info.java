/**
 * Sandboxes whose guest runs on this host: started by {@code berth-guest launch}, found again by
 * the mark that it leaves, ended. What a local provider adds is an argument list.
 */
@NullMarked
package dev.berth.core.launch;

import org.jspecify.annotations.NullMarked;
