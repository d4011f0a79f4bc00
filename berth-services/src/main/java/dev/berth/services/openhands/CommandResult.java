package dev.berth.services.openhands;

/**
 * What came of a command that the agent server ran.
 *
 * @param exitCode the command's own; −1 if it ran out of time or could not be run
 * @param stdout its output up to the request's limit, all of it if not {@code truncated}
 * @param stderr the same of its error output; of a timeout it ends with {@code Command timed out
 *     after N seconds}
 * @param timeoutOccurred whether its time ran out; the server has then ended it
 * @param truncated whether there was more output than the limit; the rest was let go
 */
public record CommandResult(
    String command,
    int exitCode,
    String stdout,
    String stderr,
    boolean timeoutOccurred,
    boolean truncated) {}
