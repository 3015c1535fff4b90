package tajo.benchmarks;

import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/**
 * {@code Main PROGRAM BOOTSTRAP PREFIX STATE_DIR SOURCE [key=value ...]}: runs a program until SIGTERM, prints {@code ready}
 * when it is, and ends with status 70 when it fails. {@code key=value}: any setting of Kafka Streams and its clients.
 */
public final class Main {
    private static final Map<String, Program> PROGRAMS = Map.of("fold", new OrdersFold(), "mix", new Mix());
    private static final int EXIT_FAILED = 70;

    private Main() {}

    public static void main(String[] arguments) throws InterruptedException {
        Program program = PROGRAMS.get(arguments[0]);
        if (program == null) {
            throw new IllegalArgumentException("There is no program " + arguments[0] + "; there are " + PROGRAMS.keySet());
        }
        KafkaStreams streams = new KafkaStreams(program.topology(arguments[4], arguments[2]), settings(arguments));
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(EXIT_FAILED);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.setGlobalStateRestoreListener(new Restores());
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.RUNNING) {
                System.out.println("ready");
            }
        });
        CountDownLatch ended = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            streams.close(Duration.ofSeconds(20));
            ended.countDown();
        }));
        streams.start();
        ended.await();
    }

    /** What all programs share; the run's own settings go over it. */
    private static Properties settings(String[] arguments) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[1]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[2] + "streams");
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[3]);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        for (int i = 5; i < arguments.length; i++) {
            int equals = arguments[i].indexOf('=');
            settings.put(arguments[i].substring(0, equals), arguments[i].substring(equals + 1));
        }
        return settings;
    }
}
