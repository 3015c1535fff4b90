package tajo.benchmarks;

import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.processor.StateRestoreListener;

/** Says {@code restored RECORDS SECONDS} whenever a partition is done: all records so far, since the first one began. */
final class Restores implements StateRestoreListener {
    private long began;
    private long records;

    @Override
    public synchronized void onRestoreStart(TopicPartition partition, String store, long from, long to) {
        if (began == 0) {
            began = System.nanoTime();
        }
    }

    @Override
    public void onBatchRestored(TopicPartition partition, String store, long to, long count) {}

    @Override
    public synchronized void onRestoreEnd(TopicPartition partition, String store, long total) {
        records += total;
        System.out.printf("restored %d %.3f%n", records, (System.nanoTime() - began) / 1e9);
    }
}
