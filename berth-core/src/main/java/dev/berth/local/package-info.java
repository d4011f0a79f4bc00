/**
 * The guest as a plain process of this host, without any isolation: for tests, and for laptops
 * without Apptainer.
 */
@NullMarked
package dev.berth.local;

import org.jspecify.annotations.NullMarked;
