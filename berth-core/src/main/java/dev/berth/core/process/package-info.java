/**
 * Berth's own tools on the host: programs that it runs, the processes they leave, and the guest's
 * binary.
 */
@NullMarked
package dev.berth.core.process;

import org.jspecify.annotations.NullMarked;
