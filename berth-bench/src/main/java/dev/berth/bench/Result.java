package dev.berth.bench;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** All that a run showed. */
record Result(
    Machine machine,
    boolean quick,
    String warmUp,
    List<Measurement> measurements,
    @Nullable Alive alive,
    double seconds) {}
