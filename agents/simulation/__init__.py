"""Events for a Kafka that has no hospital behind it: a simulated ward or recorded stays, told as of now."""
