/** Images: what their references mean, and a store of them that threads and processes share. */
@NullMarked
package dev.berth.core.image;

import org.jspecify.annotations.NullMarked;
