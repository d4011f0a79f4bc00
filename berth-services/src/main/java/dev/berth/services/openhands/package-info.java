/**
 * OpenHands' agent server in an Apptainer sandbox, and a client of it: {@link
 * dev.berth.services.openhands.ApptainerWorkspace} for commands, files and git, {@link
 * dev.berth.services.openhands.Conversation} for agents at work.
 */
@NullMarked
package dev.berth.services.openhands;

import org.jspecify.annotations.NullMarked;
