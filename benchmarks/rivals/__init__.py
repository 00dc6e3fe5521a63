"""The same judgement in other frames: what Faust does by default, a bare loop, Quix Streams."""
