"""The ward board: who is ill, what is due, what nobody has answered, on one authenticated page."""
