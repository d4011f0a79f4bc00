/**
 * Evaluation runs: instances, each in a sandbox of its own, to a verdict that is kept in a folder,
 * so that a run that broke off goes on where it was.
 */
@NullMarked
package dev.berth.services.eval;

import org.jspecify.annotations.NullMarked;
