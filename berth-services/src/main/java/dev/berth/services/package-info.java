/** Long-lived servers hosted in a sandbox: start, health, logs, endpoint, end. */
@NullMarked
package dev.berth.services;

import org.jspecify.annotations.NullMarked;
