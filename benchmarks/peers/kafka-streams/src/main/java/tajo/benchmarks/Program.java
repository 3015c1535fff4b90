package tajo.benchmarks;

import org.apache.kafka.streams.Topology;

/**
 * A program under measurement. {@code source}: the topic that was written beforehand, shared by all runs (where a program
 * reads several, what their names begin with). What it writes has names that begin with its run's {@code prefix}.
 */
interface Program {
    Topology topology(String source, String prefix);
}
