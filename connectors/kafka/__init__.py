"""Writing to Kafka on aiokafka's connections, request by request, without its producer."""
