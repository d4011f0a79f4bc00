package dev.berth.cli;

import java.util.Map;

/**
 * What a verb has of the world outside: its terminal or pipes, the signals that this process gets,
 * the host's environment.
 */
record Shell(Console console, Signals signals, Map<String, String> env) {}
