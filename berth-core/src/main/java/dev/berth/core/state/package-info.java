/**
 * What Berth keeps about sandboxes on this host: a folder, a record and a lease for each, and the
 * reaper that clears away what is nobody's.
 */
@NullMarked
package dev.berth.core.state;

import org.jspecify.annotations.NullMarked;
