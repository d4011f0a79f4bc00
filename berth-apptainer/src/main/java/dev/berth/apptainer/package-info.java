/**
 * Sandboxes in rootless Apptainer. {@link dev.berth.apptainer.ApptainerProvider} starts the guest
 * in a container and ends it; everything that happens inside is the guest's and {@code
 * dev.berth.core.guest}'s.
 */
@NullMarked
package dev.berth.apptainer;

import org.jspecify.annotations.NullMarked;
