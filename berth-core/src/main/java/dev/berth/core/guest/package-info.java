/**
 * The host's side of the guest protocol (guest/PROTOCOL.md): everything that a sandbox can do, over
 * any {@link dev.berth.core.guest.Link}. All that comes from a guest is treated as hostile.
 */
@NullMarked
package dev.berth.core.guest;

import org.jspecify.annotations.NullMarked;
