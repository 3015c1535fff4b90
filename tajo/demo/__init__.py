"""`tajo demo`: a shop's life in front of the user's eyes, on a real Kafka, ended by an independent verdict."""
