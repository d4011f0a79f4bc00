package dev.berth.services.swerex;

/** Whether a runtime answers. {@code message} says why not. */
public record Liveness(boolean alive, String message) {}
