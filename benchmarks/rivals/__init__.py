"""The same judgement in other stream processors: idiomatic Faust, a bare aiokafka loop, Quix Streams."""
