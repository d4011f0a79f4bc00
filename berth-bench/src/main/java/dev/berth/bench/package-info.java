/** Side-by-side measurements of Berth and of one {@code apptainer} process per operation. */
@NullMarked
package dev.berth.bench;

import org.jspecify.annotations.NullMarked;
