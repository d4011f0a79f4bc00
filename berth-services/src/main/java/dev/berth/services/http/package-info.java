/**
 * HTTP and JSON with servers that may be hostile: everything has a deadline and a bound, nothing is
 * followed, no class is built by a name that came over the wire. For the clients of this module.
 */
@NullMarked
package dev.berth.services.http;

import org.jspecify.annotations.NullMarked;
