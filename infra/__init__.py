"""The local stack: PostgreSQL, Kafka and the services on one machine, from wheels and jars alone."""
