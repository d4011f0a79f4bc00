/**
 * What SWE-agent style harnesses need of a sandbox: lasting shell sessions, commands and files
 * behind {@link dev.berth.services.swerex.Runtime}, by Berth's guest or by a swe-rex server.
 */
@NullMarked
package dev.berth.services.swerex;

import org.jspecify.annotations.NullMarked;
