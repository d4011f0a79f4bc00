/** What a provider of sandboxes implements, and how it is found and configured. */
@NullMarked
package dev.berth.spi;

import org.jspecify.annotations.NullMarked;
