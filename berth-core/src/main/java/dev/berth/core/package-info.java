/** The way into Berth for programs and for the CLI: {@link dev.berth.core.Berth}. */
@NullMarked
package dev.berth.core;

import org.jspecify.annotations.NullMarked;
