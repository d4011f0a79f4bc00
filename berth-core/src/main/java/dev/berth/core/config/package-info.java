/** Configuration and spec files. The one place where YAML and JSON are read. */
@NullMarked
package dev.berth.core.config;

import org.jspecify.annotations.NullMarked;
